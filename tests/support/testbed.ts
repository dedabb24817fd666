import { Redis } from 'ioredis';
import postgres, { type Sql } from 'postgres';
import { type Link, openLink } from './link.ts';
import { type MailSink, startMailSink } from './mail-sink.ts';

/** What one suite has to itself on the servers that `npm test` runs: a migrated database, a Redis database, a mail sink. */
export type Testbed = {
  /** Unique among the testbeds of a run. */
  number: number;
  /** For the process under test; these lead through the links. */
  databaseUrl: string;
  redisUrl: string;
  smtpUrl: string;
  postgresLink: Link;
  redisLink: Link;
  mail: MailSink;
  /** For the test itself, past the links. */
  db: Sql;
  redis: Redis;
  close: () => Promise<void>;
};

function serverUrl(name: 'TEST_DATABASE_URL' | 'TEST_REDIS_URL'): URL {
  const url = process.env[name];
  if (!url) throw new Error(`${name} is not set: run the suites with npm test.`);
  return new URL(url);
}

/** The same server and credentials, another port and database. */
function at(server: URL, port: number | string, database: string | number): string {
  const url = new URL(server);
  url.port = String(port);
  url.pathname = `/${database}`;
  return url.href;
}

export async function openTestbed(): Promise<Testbed> {
  const postgresServer = serverUrl('TEST_DATABASE_URL');
  const redisServer = serverUrl('TEST_REDIS_URL');
  const maintenance = postgres(postgresServer.href, { max: 1 });
  const [row] = await maintenance<{ number: number }[]>`select nextval('testbed_number')::int as number`;
  const number = row?.number ?? 0;
  const database = `shop_${number}`;
  await maintenance.unsafe(`create database ${database} template shop_template`);

  const postgresLink = await openLink(Number(postgresServer.port));
  const redisLink = await openLink(Number(redisServer.port));
  const mail = await startMailSink();
  const db = postgres(at(postgresServer, postgresServer.port, database), { max: 4, onnotice: () => {} });
  const redis = new Redis(at(redisServer, redisServer.port, number));

  return {
    number,
    databaseUrl: at(postgresServer, postgresLink.port, database),
    redisUrl: at(redisServer, redisLink.port, number),
    smtpUrl: mail.url,
    postgresLink,
    redisLink,
    mail,
    db,
    redis,
    async close() {
      await mail.stop();
      await postgresLink.cut();
      await redisLink.cut();
      await db.end();
      await redis.flushdb();
      redis.disconnect();
      await maintenance.unsafe(`drop database ${database} with (force)`);
      await maintenance.end();
    },
  };
}
