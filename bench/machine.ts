import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { installedProgram } from '../tests/support/programs.ts';
import { root } from './children.ts';
import { pgbenchProgram } from './pgbench.ts';
import type { Servers } from './servers.ts';

const peerPackages = {
  'fastify-pg': ['fastify', 'pg', 'ioredis'],
  'express-sequelize-bull': ['express', 'sequelize', 'bull', 'ioredis'],
};

/** What the figures were taken on and with, by name. */
export async function describeMachine(servers: Servers): Promise<Record<string, string>> {
  const peers = Object.entries(peerPackages).map(([name, packages]) => [
    `Peer \`${name}\``,
    versionsOf(name, packages),
  ]);
  return {
    CPU: `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, shared with the load generator`,
    Memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    Kernel: `Linux ${release()}`,
    'File system of Postgres': output('df', '--output=fstype', servers.directory).split('\n')[1] ?? '',
    Bun: Bun.version,
    'Node.js': output('node', '--version').slice(1),
    Postgres: `${await postgresVersion(servers.postgres.url)}, settings as it comes (\`fsync\` and \`synchronous_commit\` on)`,
    Redis: /v=(\S+)/.exec(output('redis-server', '--version'))?.[1] ?? '',
    wrk: /wrk (\S+)/.exec(output(await installedProgram('wrk', 'wrk'), '--version'))?.[1] ?? '',
    pgbench: /\) (\S+)/.exec(output(await pgbenchProgram(), '--version'))?.[1] ?? '',
    ...Object.fromEntries(peers),
    Commit: `\`${commit()}\``,
  };
}

function output(...command: string[]): string {
  try {
    return Bun.spawnSync(command).stdout.toString().trim();
  } catch {
    return '';
  }
}

function commit(): string {
  const changed = output('git', '-C', root, 'status', '--porcelain', '--', '.', ':!docs/performance*') !== '';
  return output('git', '-C', root, 'rev-parse', '--short', 'HEAD') + (changed ? ', changed' : '');
}

async function postgresVersion(url: string): Promise<string> {
  const sql = postgres(url, { max: 1 });
  const [row] = await sql<{ server_version: string }[]>`show server_version`;
  await sql.end();
  return row?.server_version ?? '';
}

function versionsOf(peer: string, packages: string[]): string {
  const { dependencies } = JSON.parse(readFileSync(join(import.meta.dir, 'peers', peer, 'package.json'), 'utf8'));
  return packages.map((name) => `${name} ${dependencies[name]}`).join(', ');
}
