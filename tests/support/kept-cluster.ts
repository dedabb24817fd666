import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startPostgres } from '../../standalone/postgres.ts';
import { findPlace } from '../../standalone/postgres-place.ts';
import { hashOf, kept } from './kept.ts';

const parts = ['standalone', 'bun.lock'];

/** Puts an empty cluster where `startPostgres` looks for it, a copy of one that was made once, because that takes a second. */
export async function placeCluster(directory: string): Promise<void> {
  const own = resolve(directory);
  mkdirSync(own, { recursive: true });
  const cluster = join(findPlace(own).home, 'cluster');
  if (existsSync(cluster)) return;
  const model = await kept('cluster', hashOf(parts), makeCluster);
  cpSync(join(model, 'password'), join(own, 'password'));
  copy(join(model, 'cluster'), cluster);
}

async function makeCluster(into: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'shop-cluster-'));
  // As root, Postgres runs under another account, which has to get at its data.
  chmodSync(directory, 0o755);
  try {
    const server = await startPostgres({ directory });
    await server.stop();
    copy(server.cluster, join(into, 'cluster'));
    cpSync(join(directory, 'password'), join(into, 'password'));
    rmSync(server.cluster, { recursive: true });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** With its owner, who alone may read it. */
function copy(from: string, to: string): void {
  const { exitCode, stderr } = Bun.spawnSync(['cp', '-a', from, to]);
  if (exitCode !== 0) throw new Error(`The data could not be copied: ${stderr}`);
}
