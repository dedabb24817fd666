import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../standalone/ports.ts';
import { type AppProcess, startProcess } from './app-process.ts';
import { type Balancer, openBalancer } from './balancer.ts';
import { admin } from './client.ts';
import { openTestbed, type Testbed } from './testbed.ts';
import { eventually } from './wait.ts';

type ShopOptions = {
  /** API processes to begin with; as many as `TEST_PROCESSES` says by default, which is 1 by default. */
  apis?: number;
  /** Workers to begin with; likewise, unless it is 0. */
  workers?: number;
  /** `postgres` leaves `REDIS_URL` unset. */
  queue?: 'redis' | 'postgres';
  /** Leads the processes to their database another way, past a pooler for one; `DATABASE_URL` is what it answers. */
  through?: (databaseUrl: string) => Promise<string>;
  /** Settings over those that every shop of the suites has. */
  env?: Record<string, string>;
};

export type ApiProcess = AppProcess & { url: string };

/** A whole shop of real processes on its own testbed. */
export type Shop = Omit<Testbed, 'close'> & {
  /** Leads to the first API process; behind `TEST_PROCESSES`, to each of those that the shop began with in turn. */
  url: string;
  /** The processes in the order of their start, from 0. */
  api: (index: number) => ApiProcess;
  worker: (index: number) => AppProcess;
  /** What all processes have written so far, and the JSON log lines in it. */
  output: () => string;
  log: () => Record<string, unknown>[];
  /** Starts one more process and waits until it is at work; `env` goes over the shop's. */
  startApi: (env?: Record<string, string>) => Promise<ApiProcess>;
  startWorker: (env?: Record<string, string>) => Promise<AppProcess>;
  /** Ends every process, as a power cut would because that is faster, and removes what the shop had. */
  stop: () => Promise<void>;
};

const startTimeoutMs = 50_000;

/** What every shop of the suites signs its tokens with. */
export const jwtSecret = 'known to every suite and to nobody else';

/** What every shop of the suites makes the tokens of its mails with. */
export const tokenSecret = 'known to every suite and to its worker';

/** What has begun to start; those that come later wait for it, because several at once are too much for small machines. */
let starting: Promise<unknown> = Promise.resolve();

/** Starts a shop of its own for a suite; its Postgres and Redis are reached through links that a test can cut. */
export function startShop(options: ShopOptions = {}): Promise<Shop> {
  const shop = starting.then(() => openShop(options));
  starting = shop.catch(() => {});
  return shop;
}

async function openShop(options: ShopOptions): Promise<Shop> {
  const { queue = 'redis', through = async (url) => url, env = {} } = options;
  // Without a Redis there is nothing that several processes could share.
  const processesMin = queue === 'redis' ? Number(process.env.TEST_PROCESSES ?? 1) : 1;
  const apis = Math.max(options.apis ?? 1, processesMin);
  const workers = options.workers === 0 ? 0 : Math.max(options.workers ?? 1, processesMin);
  const { close, ...testbed } = await openTestbed();
  const logDirectory = process.env.TEST_LOGS ?? tmpdir();
  const settings = {
    HOST: '127.0.0.1',
    DATABASE_URL: await through(queue === 'redis' ? testbed.databaseUrl : testbed.unpooledUrl),
    ...(testbed.replicaUrl ? { DATABASE_REPLICA_URLS: testbed.replicaUrl } : {}),
    ...(queue === 'redis' ? { REDIS_URL: testbed.redisUrl } : {}),
    SMTP_URL: testbed.smtpUrl,
    MAIL_FROM: 'Shop <shop@example.com>',
    JWT_SECRET: jwtSecret,
    TOKEN_SECRET: tokenSecret,
    ADMIN_EMAIL: admin.email,
    ADMIN_PASSWORD: admin.password,
    // All of a suite's customers register from one address, and one of them may place all of its orders.
    REGISTRATIONS_PER_HOUR: '0',
    UNVERIFIED_MAILS_PER_HOUR: '1000000',
    ...env,
  };
  const apiProcesses: ApiProcess[] = [];
  const workerProcesses: AppProcess[] = [];
  const everyProcess = () => [...apiProcesses, ...workerProcesses];
  let balancer: Balancer | undefined;

  function logFile(kind: string, index: number): string {
    return join(logDirectory, `shop-${testbed.number}-${kind}-${index}.log`);
  }

  async function startApi(more: Record<string, string> = {}): Promise<ApiProcess> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const file = logFile('api', apiProcesses.length);
    const api = { ...startProcess('index.ts', { ...settings, PORT: String(port), ...more }, file), url };
    apiProcesses.push(api);
    await untilReady(api, async () => (await fetch(`${url}/readyz`)).ok);
    return api;
  }

  async function startWorker(more: Record<string, string> = {}): Promise<AppProcess> {
    const file = logFile('worker', workerProcesses.length);
    const worker = startProcess('worker.ts', { ...settings, ...more }, file);
    workerProcesses.push(worker);
    await untilReady(worker, () => worker.log().some(({ msg }) => msg === 'working'));
    return worker;
  }

  async function stop(): Promise<void> {
    await balancer?.close();
    await Promise.all(everyProcess().map((child) => child.kill()));
    await close();
  }

  try {
    await Promise.all([
      ...Array.from({ length: apis }, () => startApi()),
      ...Array.from({ length: workers }, () => startWorker()),
    ]);
    if (processesMin > 1) balancer = await openBalancer(apiProcesses.map(({ url }) => Number(new URL(url).port)));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...testbed,
    url: balancer?.url ?? nth(apiProcesses, 0).url,
    api: (index) => nth(apiProcesses, index),
    worker: (index) => nth(workerProcesses, index),
    output: () =>
      everyProcess()
        .map((child) => child.output())
        .join('\n'),
    log: () => everyProcess().flatMap((child) => child.log()),
    startApi,
    startWorker,
    stop,
  };
}

function nth<Child>(children: Child[], index: number): Child {
  const child = children[index];
  if (!child) throw new Error(`This shop has only ${children.length} processes of that kind.`);
  return child;
}

async function untilReady(child: AppProcess, isReady: () => boolean | Promise<boolean>): Promise<void> {
  const ended = child.exited.then((code) => {
    throw new Error(`The process ended with code ${code} before it was ready:\n${child.output()}`);
  });
  await Promise.race([ended, eventually(isReady, { withinMs: startTimeoutMs })]);
}
