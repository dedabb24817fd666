import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisNode } from '../support/redis-node.ts';
import type { MailBehaviour } from './mail-server.ts';
import { type ChaosPostgres, killConnections, shopRole, terminateConnections } from './servers.ts';
import type { ChaosShop } from './shop.ts';
import type { End, Fault, Hit } from './topology.ts';
import type { ReceiverBehaviour } from './webhook.ts';

/** The length of a fault that is over at once. */
export const instant = [0, 0] as const;
export const nothingToEnd: End = () => {};

/** Killed processes come back after about a second, as an orchestrator would have it. */
const restartMs = [500, 1_500] as const;
/** Longer than an order may take. */
const unreadMs = [2_000, 5_000] as const;

/** What can happen to the processes of any shop. */
export const processFaults = {
  'worker killed': {
    target: 'worker',
    durationMs: restartMs,
    begin: async ({ fleet }, { place }) => {
      await fleet.kill('worker', place);
      return () => fleet.startAgain('worker', place);
    },
  },
  'API killed': {
    target: 'API',
    durationMs: restartMs,
    begin: async ({ fleet }, { place }) => {
      await fleet.kill('api', place);
      return () => fleet.startAgain('api', place);
    },
  },
  'rolling restart': {
    target: 'all processes',
    durationMs: instant,
    begin: async ({ fleet }) => {
      await fleet.roll();
      return nothingToEnd;
    },
  },
  'log of a worker not read': {
    target: 'log',
    durationMs: unreadMs,
    begin: ({ fleet }, { place }) => fleet.leaveLogUnread('worker', place),
  },
  'log of an API not read': {
    target: 'log',
    durationMs: unreadMs,
    begin: ({ fleet }, { place }) => fleet.leaveLogUnread('api', place),
  },
} satisfies Record<string, Fault<ChaosShop>>;

type OnPostgres = { postgres: ChaosPostgres };

const changes = /^(POST|PUT|PATCH|DELETE) /;
const reload = 'select pg_reload_conf()';

/** What can happen to the Postgres of any shop, which comes back with what it had committed. */
export const postgresFaults = {
  'Postgres crashed (immediate)': postgresStop('SIGQUIT'),
  'Postgres restarted (fast)': postgresStop('SIGINT'),
  'Postgres connections terminated': {
    target: 'postgres',
    durationMs: [0, 2_000],
    begin: async ({ postgres }, { durationMs }) => {
      const terminating = terminateAgainAndAgain(postgres, durationMs);
      return () => terminating;
    },
  },
  'Postgres takes 3 connections': {
    target: 'postgres',
    durationMs: [500, 4_000],
    begin: async ({ postgres }) => {
      await postgres.run(`alter role ${shopRole} connection limit 3`, terminateConnections);
      return () => postgres.run(`alter role ${shopRole} connection limit -1`);
    },
  },
  'Postgres lets nobody connect': {
    target: 'postgres',
    durationMs: [500, 4_000],
    errors: /permission denied for database/,
    begin: async ({ postgres }) => {
      const database = new URL(postgres.url).pathname.slice(1);
      await postgres.run(`revoke connect on database ${database} from public`, terminateConnections);
      return () => postgres.run(`grant connect on database ${database} to public`);
    },
  },
  'Postgres table locked': {
    target: 'postgres',
    durationMs: [500, 4_000],
    begin: ({ postgres }, { choose }) =>
      postgres.hold(`lock table ${choose(['orders', 'products', 'customers', 'mails'])} in access exclusive mode`),
  },
  'Postgres rows locked': {
    target: 'postgres',
    durationMs: [500, 4_000],
    refuses: { requests: changes },
    begin: ({ postgres }, { choose }) =>
      postgres.hold(`select from ${choose(['orders', 'products', 'customers', 'mails'])} for update`),
  },
  'Postgres forbids updates of orders': {
    ...privilegeLost('update on orders'),
    refuses: { requests: /^(PATCH|DELETE) \/api\/orders\// },
  },
  'Postgres forbids orders': { ...privilegeLost('insert on orders'), refuses: { requests: /^POST \/api\/orders$/ } },
  // Orders go on, and so does everything else: mails alone have to wait.
  'Postgres forbids updates of mails': { ...privilegeLost('update on mails'), target: 'mail server' },
} satisfies Record<string, Fault<OnPostgres>>;

/** Open sessions become read-only, while new ones write, as when another server has taken over behind the address. */
export const switchOver = {
  target: 'postgres',
  durationMs: [1_000, 8_000],
  refuses: { within: 'takeoverMs' },
  begin: async ({ postgres }) => {
    await postgres.run(
      `alter role ${shopRole} set default_transaction_read_only = off`,
      'alter system set default_transaction_read_only = on',
      reload,
    );
    return () =>
      postgres.run(
        'alter system reset default_transaction_read_only',
        reload,
        `alter role ${shopRole} reset default_transaction_read_only`,
      );
  },
} satisfies Fault<OnPostgres>;

function postgresStop(signal: 'SIGQUIT' | 'SIGINT'): Fault<OnPostgres> {
  return {
    target: 'postgres',
    durationMs: [0, 4_000],
    begin: async ({ postgres }) => {
      await postgres.end(signal);
      return postgres.start;
    },
  };
}

function privilegeLost(privilege: string): Fault<OnPostgres> {
  return {
    target: 'postgres',
    durationMs: [500, 4_000],
    // A process that starts meanwhile names what it lacks.
    errors: /permission denied for table|The role \w+ lacks [A-Z]+ on table/,
    begin: async ({ postgres }) => {
      await postgres.run(`revoke ${privilege} from ${shopRole}`);
      return () => postgres.run(`grant ${privilege} to ${shopRole}`);
    },
  };
}

/** So that connections break at every point of a transaction. */
async function terminateAgainAndAgain(postgres: ChaosPostgres, durationMs: number): Promise<void> {
  const endsAt = Date.now() + durationMs;
  do {
    await postgres.run(terminateConnections);
    await sleep(50);
  } while (Date.now() < endsAt);
}

/** What can happen to a Redis, or to one node of several, that goes on with what it has. */
export function redisFaults<Shop>(findNode: (shop: Shop, hit: Hit) => Promise<Pick<RedisNode, 'command'>>) {
  const refusal = (begin: string[], end: string[], errors?: RegExp): Fault<Shop> => ({
    target: 'redis',
    durationMs: [500, 4_000],
    ...(errors && { errors }),
    begin: async (shop, hit) => {
      const { command } = await findNode(shop, hit);
      const send = ([name = '', ...words]: string[]) => command(name, ...words);
      await send(begin);
      return () => send(end);
    },
  });
  const forbidden = (rights: string) =>
    refusal(['ACL', 'SETUSER', 'default', `-@${rights}`], ['ACL', 'SETUSER', 'default', `+@${rights}`], /NOPERM/);
  return {
    'Redis connections killed': {
      target: 'redis',
      durationMs: instant,
      begin: async (shop, hit) => {
        const { command } = await findNode(shop, hit);
        await command(...killConnections);
        return nothingToEnd;
      },
    },
    'Redis forbids writes (ACL)': forbidden('write'),
    'Redis forbids scripts (ACL)': forbidden('scripting'),
    'Redis full (OOM)': refusal(['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']),
  } satisfies Record<string, Fault<Shop>>;
}

/** What can happen to the mail server of any shop. */
export const mailFaults = {
  'mail server refuses (450)': mailFault('refuses'),
  'mail server greets with 554': mailFault('greets with 554'),
  'mail server hangs in DATA': mailFault('hangs'),
  'mail server hangs up in DATA': mailFault('hangs up'),
  'mail server accepts without 250': mailFault('unacknowledged'),
  'mail server takes one connection': mailFault('takes one'),
  'mail server away': mailFault('is away'),
};

function mailFault(behaviour: MailBehaviour): Fault<ChaosShop> {
  return {
    target: 'mail server',
    durationMs: [500, 4_000],
    begin: async ({ mailServer }) => {
      await mailServer.behave(behaviour);
      return () => mailServer.behave('accepts');
    },
  };
}

/** What can happen to the receiver of any shop's webhook. */
export const receiverFaults = {
  'webhook refused (503)': receiverFault('refuses'),
  'webhook hangs': receiverFault('hangs'),
  'webhook hangs up': receiverFault('hangs up'),
  'webhook redirects': receiverFault('redirects'),
  'webhook gone (410)': receiverFault('answers 410'),
};

function receiverFault(behaviour: ReceiverBehaviour): Fault<ChaosShop> {
  return {
    target: 'receiver',
    durationMs: [500, 4_000],
    begin: async ({ receiver }) => {
      receiver.behave(behaviour);
      return () => receiver.behave('accepts');
    },
  };
}
