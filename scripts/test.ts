// What `npm test` and `npm run test:engines` run: brings up what the suites need, runs them with `bun test`, and takes everything down again.
// Arguments go to `bun test`: npm test -- tests/orders

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { startRedis } from '../tests/support/redis-server.ts';
import { runSuites, startTestbedPostgres } from '../tests/support/suites.ts';
import { testbedsMax } from '../tests/support/testbed-servers.ts';

/** Suites mostly wait. */
const parallelFiles = availableParallelism() + 2;

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interruption.abort());

const exitCode = await runSuites({
  args: process.argv.slice(2),
  parallel: parallelFiles,
  signal: interruption.signal,
  startServers: async (directory, tearDown) => {
    const redis = await startRedis({ databases: testbedsMax + 1 });
    tearDown.push(redis.stop);
    const database = await startTestbedPostgres(join(directory, 'postgres'), tearDown);
    return { TEST_DATABASE_URL: database.url, TEST_REDIS_URL: redis.url };
  },
});
process.exit(exitCode);
