import postgres, { type Sql } from 'postgres';
import { type Link, openLink } from './link.ts';
import { type MailSink, startMailSink } from './mail-sink.ts';
import { type Outages, openRedisCluster, openRedisDatabase, type RedisView } from './redis-bed.ts';

/** What one suite has to itself on the servers that `npm test` or `npm run scale` run: a database, a Redis, a mail sink. */
export type Testbed = {
  /** Unique among the testbeds of a run. */
  number: number;
  /** For the process under test; these lead through the links. */
  databaseUrl: string;
  /** The same database past a pooler, which a queue in Postgres cannot do with. */
  unpooledUrl: string;
  redisUrl: string;
  smtpUrl: string;
  /** The same database on a replica, where there is one. */
  replicaUrl: string | undefined;
  postgresLink: Link;
  redisLink: Outages;
  mail: MailSink;
  /** For the test itself, past the links. */
  db: Sql;
  redis: RedisView;
  close: () => Promise<void>;
};

type ServerVariable = 'TEST_DATABASE_URL' | 'TEST_REDIS_URL';

function variable(name: ServerVariable): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the suites with npm test.`);
  return value;
}

/** The same server and credentials, another port and database. */
function at(server: URL, port: number | string, database: string): string {
  const url = new URL(server);
  url.port = String(port);
  url.pathname = `/${database}`;
  return url.href;
}

export async function openTestbed(): Promise<Testbed> {
  const { TEST_POOLER_URL: poolerUrl, TEST_REPLICA_URL: replicaUrl, TEST_REDIS_CLUSTER: onCluster } = process.env;
  const server = new URL(variable('TEST_DATABASE_URL'));
  const front = new URL(poolerUrl ?? server);
  const maintenance = postgres(server.href, { max: 1 });
  const [row] = await maintenance<{ number: number }[]>`select nextval('testbed_number')::int as number`;
  const number = row?.number ?? 0;
  const database = `shop_${number}`;
  // By copying files, which takes half as long where nothing needs to reach the disk.
  await maintenance.unsafe(`create database ${database} template shop_template strategy file_copy`);

  const postgresLink = await openLink(Number(front.port));
  // A Cluster has one database only, so there it is one Cluster for each suite.
  const redis = onCluster ? await openRedisCluster() : await openRedisDatabase(variable('TEST_REDIS_URL'), number);
  const mail = await startMailSink();
  const db = postgres(at(server, server.port, database), { max: 4, onnotice: () => {} });

  return {
    number,
    databaseUrl: at(front, postgresLink.port, database),
    unpooledUrl: at(server, poolerUrl ? server.port : postgresLink.port, database),
    redisUrl: redis.url,
    smtpUrl: `${mail.url}?tls=never`,
    replicaUrl: replicaUrl && at(new URL(replicaUrl), new URL(replicaUrl).port, database),
    postgresLink,
    redisLink: redis.link,
    mail,
    db,
    redis: redis.redis,
    async close() {
      await mail.stop();
      await postgresLink.cut();
      await redis.close();
      await db.end();
      await maintenance.unsafe(`drop database ${database} with (force)`);
      await maintenance.end();
    },
  };
}
