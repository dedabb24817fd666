// What `npm run scale` runs: the suites, and then chaos, on three APIs, three workers, PgBouncer, a Postgres with a
// replica, and a Redis Cluster. `npm run scale -- suites` and `-- chaos` run one of the two.
// --minutes N (2) of chaos, --seed N (a new one each time), --rate N (actions per second)

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readChaosArguments, tellOfChaos } from '../chaos/command.ts';
import { scaled } from '../chaos/scaled.ts';
import { limitRole, pooledParameters, startPgBouncer } from '../support/pgbouncer.ts';
import { startReplica } from '../support/postgres-replica.ts';
import { runSuites, startTestbedPostgres, type TearDown } from '../support/suites.ts';
import { postgresSettings } from '../support/testbed-servers.ts';
import { suites } from './suites.ts';

/** The shop of each suite has a pool of its own in the pooler, and there are several shops at a time. */
const poolerSettings = { default_pool_size: '20', max_client_conn: '1000', admin_users: 'shop' };

const words = process.argv.slice(2);
const only = ['suites', 'chaos'].find((part) => part === words[0]);
const chaos = readChaosArguments({ minutes: '2', rate: '30' }, only ? words.slice(1) : words);

async function startServers(directory: string, tearDown: TearDown): Promise<Record<string, string>> {
  const primary = await startTestbedPostgres(join(directory, 'primary'), tearDown);
  const replica = await startReplica(primary, { directory: join(directory, 'replica'), settings: postgresSettings });
  tearDown.push(() => rmSync(replica.cluster, { recursive: true, force: true }), replica.stop);
  await limitRole(primary.url, 'everywhere');
  const pooler = await startPgBouncer(primary.url, poolerSettings);
  tearDown.push(pooler.stop);
  return {
    TEST_DATABASE_URL: primary.url,
    TEST_POOLER_URL: pooler.url + (await pooledParameters()),
    TEST_REPLICA_URL: replica.url,
    TEST_REDIS_CLUSTER: 'yes',
    TEST_PROCESSES: '3',
  };
}

async function passesSuites(signal: AbortSignal): Promise<boolean> {
  const args = ['./tests/scale/topology.ts', ...suites.map((name) => `./tests/${name}.test.ts`)];
  // One shop of so many processes is enough for a small machine.
  return (await runSuites({ args, parallel: 1, startServers, signal })) === 0;
}

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interruption.abort());
const { signal } = interruption;

const passed = only === 'chaos' || (await passesSuites(signal));
const kept = only === 'suites' || signal.aborted || (await tellOfChaos(scaled, chaos, signal));
if (signal.aborted) console.log('\nInterrupted; everything has been taken down.');
process.exit(signal.aborted ? 130 : Number(!(passed && kept)));
