import { join } from 'node:path';
import { urlOfRole } from '../support/documented-role.ts';
import { limitRole, type PgBouncer, pooledParameters, startPgBouncer } from '../support/pgbouncer.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import type { RedisNode } from '../support/redis-node.ts';
import { mailFaults, postgresFaults, processFaults, receiverFaults, redisFaults, switchOver } from './faults.ts';
import { type ChaosPostgres, type ChaosReplica, shopRole, startChaosPostgres, startChaosReplica } from './servers.ts';
import { type ChaosShop, startChaosShop } from './shop.ts';
import type { End, Fault, Hit, Topology } from './topology.ts';

/** A shop that has outgrown one machine. */
type ScaledShop = ChaosShop & {
  /** The primary. */
  postgres: ChaosPostgres;
  replica: ChaosReplica;
  pooler: PgBouncer;
  cluster: RedisCluster;
};

const processes = 3;
const nodeTimeoutMs = 1_500;
const lagMs = 5_000;

/** So that a replica that was away finds what it has missed. */
const primarySettings = { wal_keep_size: '256MB' };

/** A key of each thing that the shop keeps on one node: its lists, and its queues. */
const keysOfNodes = ['cache:{products}:version', 'cache:{customers}:version', '{shop}:mails'] as const;

const faults = {
  ...processFaults,
  ...postgresFaults,
  'PgBouncer killed': {
    // For the shop, there is no Postgres without it.
    target: 'postgres',
    durationMs: [0, 4_000],
    begin: async ({ pooler }) => {
      await pooler.kill();
      return pooler.start;
    },
  },
  'Postgres sessions read-only': {
    ...switchOver,
    begin: async (shop) => {
      const end = await switchOver.begin(shop);
      await shop.pooler.reconnect();
      return end;
    },
  },
  'replica 5 s behind': {
    target: 'replica',
    durationMs: [lagMs, lagMs + 1_000],
    begin: async ({ replica }) => {
      await replica.setLag(lagMs);
      return () => replica.setLag(0);
    },
  },
  'replica crashed (immediate)': {
    target: 'replica',
    durationMs: [500, 4_000],
    begin: async ({ replica }) => {
      await replica.end('SIGQUIT');
      return replica.start;
    },
  },
  ...redisFaults(findMaster),
  'Redis node killed, back empty': nodeFault([100, 500], async (node) => {
    await node.kill();
    return node.start;
  }),
  'Redis node killed, taken over': nodeFault([4 * nodeTimeoutMs, 5 * nodeTimeoutMs], async (node) => {
    await node.kill();
    return node.start;
  }),
  'Redis node frozen (SIGSTOP)': nodeFault([500, 5 * nodeTimeoutMs], async (node) => {
    node.freeze();
    return node.thaw;
  }),
  ...mailFaults,
  ...receiverFaults,
} satisfies Record<string, Fault<ScaledShop>>;

type ScaledFault = keyof typeof faults;

/** Three APIs and three workers on a PgBouncer, a Postgres with a replica, and a Redis Cluster with replicas. */
export const scaled: Topology<ScaledShop, ScaledFault> = {
  processes,
  faults,
  start: (options) =>
    startChaosShop({ ...options, processes }, async (directory, tearDown, prepare) => {
      const cluster = await startRedisCluster({ masters: keysOfNodes.length, replicas: 1, nodeTimeoutMs });
      tearDown.push(cluster.stop);
      const primary = await startChaosPostgres(join(directory, 'primary'), primarySettings);
      tearDown.push(primary.stop);
      const url = await prepare(primary.url);
      const replica = await startChaosReplica(primary, join(directory, 'replica'));
      tearDown.push(replica.stop);
      await limitRole(primary.url, 'everywhere', shopRole);
      const pooler = await startPgBouncer(url, { default_pool_size: '20', admin_users: shopRole });
      tearDown.push(pooler.stop);
      return {
        servers: { postgres: primary, replica, pooler, cluster },
        env: {
          DATABASE_URL: pooler.url + (await pooledParameters()),
          DATABASE_REPLICA_URLS: urlOfRole(replica.url, shopRole),
          REDIS_URL: cluster.url,
        },
      };
    }),
};

/** Takes the node away that has one of the lists or the queues just now. */
function nodeFault(
  durationMs: readonly [number, number],
  takeAway: (node: RedisNode) => Promise<End>,
): Fault<ScaledShop> {
  return {
    target: 'redis',
    durationMs,
    begin: async (shop, hit) => takeAway(await findMaster(shop, hit)),
  };
}

async function findMaster({ cluster }: ScaledShop, { place }: Hit): Promise<RedisNode> {
  // A cluster that has not recovered from the fault before could not survive this one.
  await cluster.untilWhole();
  const { master } = await cluster.nodesOf(keysOfNodes[place] ?? keysOfNodes[0]);
  return master;
}
