import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { startPostgres } from '../standalone/postgres.ts';
import { type ChaosMailServer, startChaosMailServer } from '../tests/chaos/mail-server.ts';
import { startRedis } from '../tests/support/redis-server.ts';
import { makeCatalogue, writeTokens } from './catalogue.ts';

/** The servers that all works share, and fresh room on them for each that is measured. */
export type Servers = {
  postgres: { url: string; pid: number };
  redis: { url: string; pid: number };
  mail: ChaosMailServer;
  /** For whatever a work writes; removed at the end. */
  directory: string;
  /** Holds a token of every customer, one a line. */
  tokensFile: string;
  /** The URL of a new database with the catalogue and the customers. */
  newDatabase: () => Promise<string>;
  /** The URL of an empty database of Redis. */
  newRedis: () => string;
  stop: () => Promise<void>;
};

const redisDatabases = 200;
const template = 'bench_template';

/** Starts a Postgres with the durable settings it has by default, a Redis and a mail server, all of the bench's own. */
export async function startServers(): Promise<Servers> {
  const tearDown: (() => unknown)[] = [];
  const stop = async () => {
    for (const step of tearDown.splice(0).reverse()) await step();
  };
  try {
    const directory = mkdtempSync(join(tmpdir(), 'shop-bench-'));
    tearDown.push(() => rmSync(directory, { recursive: true, force: true }));
    // As root, Postgres runs under another account, which has to get at its data.
    chmodSync(directory, 0o755);
    const mail = await startChaosMailServer();
    tearDown.push(mail.stop);
    const redis = await startRedis({ databases: redisDatabases });
    tearDown.push(redis.stop);
    const server = await startPostgres({ directory: join(directory, 'postgres') });
    tearDown.push(() => rmSync(server.cluster, { recursive: true, force: true }), server.stop);
    const admin = postgres(server.url, { max: 1, onnotice: () => {} });
    tearDown.push(() => admin.end({ timeout: 1 }));

    const tokensFile = join(directory, 'tokens');
    await admin.unsafe(`create database ${template}`);
    await fillTemplate(at(server.url, template), tokensFile);
    let databases = 0;
    let redisDatabase = 0;
    return {
      postgres: {
        url: server.url,
        pid: Number.parseInt(readFileSync(join(server.cluster, 'postmaster.pid'), 'utf8'), 10),
      },
      redis: { url: redis.url, pid: redis.pid },
      mail,
      directory,
      tokensFile,
      async newDatabase() {
        databases += 1;
        await admin.unsafe(`create database bench_${databases} template ${template}`);
        return at(server.url, `bench_${databases}`);
      },
      newRedis() {
        redisDatabase += 1;
        return `${redis.url}/${redisDatabase}`;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function fillTemplate(url: string, tokensFile: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await makeCatalogue(sql, url);
    await writeTokens(sql, tokensFile);
  } finally {
    await sql.end();
  }
}

function at(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}
