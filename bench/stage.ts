import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../standalone/ports.ts';
import { installPackages } from '../tests/support/packages.ts';
import { jwtSecret } from './catalogue.ts';
import { type Child, root, startChild } from './children.ts';
import type { Contender } from './rounds.ts';
import type { Servers } from './servers.ts';
import { loadWithWrk, type Mix } from './wrk.ts';

export type HttpServer = { name: string; url: string; pid: number };

/** A server that does what the shop does, on a database of its own. */
export type ShopServer = HttpServer & { databaseUrl: string };

/** The data that the processes of one shop share. */
export type Home = { databaseUrl: string; redisUrl: string };

export type PeerName = 'fastify-pg' | 'express-sequelize-bull';

/** Whatever a work starts; all of it ends with the work. */
export type Stage = {
  /** Room of its own for one contender. */
  newHome: () => Promise<Home>;
  /** Settings given go over those that every shop of the bench has. */
  shop: (home?: Home, settings?: Record<string, string>) => Promise<ShopServer>;
  worker: (home: Home, settings?: Record<string, string>) => Child;
  peer: (name: PeerName, home?: Home, settings?: Record<string, string>) => Promise<ShopServer>;
  /** What sends a peer's mails and moves its orders; `peer` before, which installs its packages. */
  peerWorker: (name: PeerName, home: Home, settings: Record<string, string>) => Promise<Child>;
  /** A bare `Bun.serve` that answers `body` from memory or from Redis. */
  plain: (body: string, source: 'memory' | 'Redis') => Promise<HttpServer>;
  close: () => Promise<void>;
};

/** What a shop is configured with: everything that a client can ask for is on, as in production. */
export function shopSettings({ databaseUrl, redisUrl }: Home, smtpUrl: string): Record<string, string> {
  return {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    SMTP_URL: `${smtpUrl}?tls=never`,
    JWT_SECRET: jwtSecret,
    TOKEN_SECRET: jwtSecret,
    LOG_LEVEL: 'info',
    ORDER_STATUS_INTERVAL: '1h',
    REGISTRATIONS_PER_HOUR: '0',
    // One customer orders more in a minute than anybody does in an hour.
    UNVERIFIED_MAILS_PER_HOUR: '0',
  };
}

/** Opens an empty stage on the bench's servers. */
export function openStage({ newDatabase, newRedis, mail, directory }: Servers): Stage {
  const children: Child[] = [];
  const newHome = async () => ({ databaseUrl: await newDatabase(), redisUrl: newRedis() });

  function start(command: string[], env: Record<string, string>, cwd = root): Child {
    const child = startChild(command, { env, directory, cwd });
    children.push(child);
    return child;
  }

  async function serve(
    name: string,
    command: string[],
    { env, cwd, readyPath }: { env: Record<string, string>; cwd?: string; readyPath: string },
  ): Promise<HttpServer> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const child = start(command, { ...env, PORT: String(port) }, cwd);
    await child.untilReady(url + readyPath);
    return { name, url, pid: child.pid };
  }

  return {
    newHome,
    async shop(home, settings) {
      const own = home ?? (await newHome());
      const env = { ...shopSettings(own, mail.url), ...settings };
      const server = await serve('shop', [process.execPath, 'index.ts'], { env, readyPath: '/readyz' });
      return { ...server, databaseUrl: own.databaseUrl };
    },
    worker: (home, settings) =>
      start([process.execPath, 'worker.ts'], { ...shopSettings(home, mail.url), ...settings }),
    async peer(name, home, settings) {
      const own = home ?? (await newHome());
      const { env, cwd } = await peerSettings(name, own);
      const given = { env: { ...env, ...settings }, cwd, readyPath: '/api/products' };
      const server = await serve(name, ['node', 'server.mjs'], given);
      return { ...server, databaseUrl: own.databaseUrl };
    },
    async peerWorker(name, home, settings) {
      const { env, cwd } = await peerSettings(name, home);
      return start(['node', 'worker.mjs'], { ...env, SMTP_URL: mail.url, ...settings }, cwd);
    },
    async plain(body, source) {
      const file = join(directory, `body-${crypto.randomUUID()}`);
      writeFileSync(file, body);
      const redis: Record<string, string> = source === 'Redis' ? { REDIS_URL: newRedis() } : {};
      return serve(`bare Bun.serve, ${source}`, [process.execPath, 'bench/plain-server.ts'], {
        env: { BODY_FILE: file, ...redis },
        readyPath: '/',
      });
    },
    async close() {
      await Promise.all(children.splice(0).map((child) => child.stop()));
    },
  };
}

/** Environment and directory of a peer, whose packages are installed first when its lockfile asks for it. */
export async function peerSettings(
  name: PeerName,
  { databaseUrl, redisUrl }: Home,
): Promise<{ env: Record<string, string>; cwd: string }> {
  const cwd = join(import.meta.dir, 'peers', name);
  await installPackages(cwd);
  return {
    env: { NODE_ENV: 'production', DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, JWT_SECRET: jwtSecret },
    cwd,
  };
}

/** A server under a load of wrk. */
export function underLoad(
  { name, url, pid }: HttpServer,
  mix: Mix,
  { connections, tokensFile }: { connections: number; tokensFile: string },
): Contender {
  return { name, pid, load: (seconds) => loadWithWrk({ url, mix, connections, seconds, tokensFile }) };
}

/**
 * Asks every server the same, so that nobody is compared with one that does less.
 * @throws when the answers differ
 */
export async function expectSameAnswers(servers: HttpServer[], ask: (url: string) => Promise<unknown>): Promise<void> {
  const answers = await Promise.all(servers.map(({ url }) => ask(url)));
  const others = servers.filter((_, index) => !Bun.deepEquals(answers[index], answers[0]));
  const names = others.map(({ name }) => name).join(', ');
  if (others.length > 0) throw new Error(`Not the same answers as ${servers[0]?.name}: ${names}.`);
}
