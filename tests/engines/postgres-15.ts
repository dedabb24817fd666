import { expect, test } from 'bun:test';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { postgresMajorMin } from '../../src/db/server.ts';
import { root } from '../support/app-process.ts';
import { createFailureReader, describeFailures } from '../support/failures.ts';
import { startInstalledPostgres } from '../support/installed-postgres.ts';
import { startRedis } from '../support/redis-server.ts';
import { postgresSettings, prepareTestbeds, testbedsMax } from '../support/testbed-servers.ts';

/** What Postgres is asked to do, in every room of the shop; how soon is for the suites of today's Postgres. */
const suites = ['accounts', 'customers', 'idempotency', 'lists', 'migrations', 'order-races']
  .concat(['orders', 'products', 'search', 'search-words', 'seed'])
  .map((name) => `tests/${name}.test.ts`);

test(
  'the oldest Postgres that is promised › runs the suites',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'shop-oldest-'));
    chmodSync(directory, 0o755);
    const logs = join(directory, 'logs');
    mkdirSync(logs);
    const server = await startInstalledPostgres({
      major: postgresMajorMin,
      directory: join(directory, 'postgres'),
      settings: postgresSettings,
    });
    // One of its own, because a testbed's number is also that of its Redis database.
    const redis = await startRedis({ databases: testbedsMax + 1 });
    try {
      const client = postgres(server.url, { max: 1 });
      const [row] = await client<{ server_version: string }[]>`show server_version`;
      await client.end();
      expect(row?.server_version).toStartWith(`${postgresMajorMin}.`);
      await prepareTestbeds(server.url);
      const {
        TEST_POOLER_URL: _pooler,
        TEST_REPLICA_URL: _replica,
        TEST_REDIS_CLUSTER: _cluster,
        ...env
      } = process.env;
      const run = Bun.spawn([process.execPath, 'test', '--timeout=120000', '--parallel=2', ...suites], {
        cwd: root,
        env: { ...env, TEST_DATABASE_URL: server.url, TEST_REDIS_URL: redis.url, TEST_LOGS: logs },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [code, output, report] = await Promise.all([run.exited, run.stdout.text(), run.stderr.text()]);
      const reader = createFailureReader();
      for (const line of report.split('\n')) reader.take(line);
      if (code !== 0) {
        console.log(output, report);
        throw new Error(`bun test ended with ${code}: ${describeFailures(reader.failures())}`);
      }
    } finally {
      await redis.stop();
      await server.stop();
      rmSync(server.cluster, { recursive: true, force: true });
      rmSync(directory, { recursive: true, force: true });
    }
  },
  15 * 60_000,
);
