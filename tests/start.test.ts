import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { freePort } from '../standalone/ports.ts';
import { root } from './support/app-process.ts';
import { createProduct, registerCustomer, request, signIn } from './support/client.ts';
import { eventually } from './support/wait.ts';

const patienceMs = 90_000;
const pieces = ['src', 'console', 'standalone', 'drizzle', 'index.ts', 'worker.ts', 'package.json', 'tsconfig.json'];

/** A running `npm start`. */
type Started = {
  url: string;
  pid: number;
  output: () => string;
  exited: Promise<number>;
  /** What its welcome shows under a title. */
  note: (title: string) => string;
  stop: () => Promise<number>;
  kill: () => Promise<number>;
};

/** Where this shop has its code and its data, all to itself. */
let directory: string;
/** Every test finds it running and leaves it running. */
let shop: Started;

const inData = (...path: string[]) => join(directory, '.data', ...path);
const clusterFile = (name: string) => inData('postgres', 'cluster', name);

async function launch(port: number) {
  const child = Bun.spawn([process.execPath, join(directory, 'standalone/start.ts')], {
    cwd: directory,
    env: { PATH: process.env.PATH, PORT: String(port), SHUTDOWN_TIMEOUT: '10s' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const reading = [child.stdout, child.stderr].map(async (stream) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) output += text;
  });
  const exited = Promise.all([child.exited, ...reading]).then(([code]) => code);
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return exited;
  };
  return { child, pid: child.pid, output: () => output, exited, end };
}

async function start(): Promise<Started> {
  const port = await freePort();
  const { child, pid, output, exited, end } = await launch(port);
  await eventually(
    () => {
      if (child.exitCode !== null) return true;
      return output().includes('The shop is open.');
    },
    { withinMs: patienceMs },
  );
  if (child.exitCode !== null) throw new Error(`The shop did not start:\n${output()}`);
  return {
    url: `http://127.0.0.1:${port}`,
    pid,
    output,
    exited,
    note: (title) => new RegExp(`^ {2}${title} +(.*)$`, 'm').exec(output())?.[1] ?? '',
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

type Program = { pid: number; args: string };

/** What runs out of the directory of this shop, whatever its parent is by now. */
function programs(): Program[] {
  const lines = Bun.spawnSync(['ps', '-Aww', '-o', 'pid=,args=']).stdout.toString().trim().split('\n');
  return lines
    .filter((line) => line.includes(directory))
    .map((line) => {
      const [, pid = '', args = ''] = /^\s*(\d+) (.*)$/.exec(line) ?? [];
      return { pid: Number(pid), args };
    });
}

const named = {
  api: 'index.ts',
  worker: 'worker.ts',
  'mail-catcher': 'mail-catcher.ts',
  postgres: 'bin/postgres -D',
} as const;

/** The pid of a program of this shop. */
async function pidOf(program: keyof typeof named): Promise<number> {
  const { pid } = await eventually(() => programs().find(({ args }) => args.includes(named[program])));
  return pid;
}

const isReady = async () => (await fetch(`${shop.url}/readyz`).catch(() => undefined))?.status === 200;
const untilReady = () => eventually(isReady, { withinMs: patienceMs, everyMs: 100 });

function logLines(program: 'api' | 'worker'): { time: number | string; level: string; msg: string }[] {
  const lines = readFileSync(inData('logs', `${program}.log`), 'utf8').split('\n');
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
}

/** Signs the admin in with the password that the welcome shows. */
function signInShown(): Promise<string> {
  const [, email = '', password = ''] = /^(\S+), password (\S+) /.exec(shop.note('Admin')) ?? [];
  return signIn(shop.url, { email, password });
}

/** Places an order as a customer nobody else uses, and answers its id. */
async function order(): Promise<string> {
  const { id } = await createProduct(shop.url, await signInShown(), { stock: 1 });
  const { token } = await registerCustomer(shop.url);
  const body = { items: [{ productId: id, quantity: 1 }] };
  const answer = await request<{ id: string }>(shop.url, 'POST', '/api/orders', { token, body });
  expect(answer.status).toBe(201);
  return answer.body.id;
}

/** How far what Postgres writes into its log is before UTC, in ms. */
async function zoneOfPostgresLog(): Promise<number> {
  const db = postgres(/\S+/.exec(shop.note('Database'))?.[0] ?? '', { max: 1 });
  const [row] = await db<{ ms: number }[]>`
    select 1000 * extract(epoch from now() at time zone current_setting('log_timezone') - now() at time zone 'UTC')::int as ms`;
  await db.end();
  return row?.ms ?? Number.NaN;
}

const orderStatus = async (id: string) =>
  (await request(shop.url, 'GET', `/api/orders/${id}`, { token: await signInShown() })).status;

/** How many mails the mail catcher has of an order. */
async function mailsOf(orderId: string): Promise<number> {
  const page = /\S+/.exec(shop.note('Mail'))?.[0] ?? '';
  const mails = (await (await fetch(`${page}/api/email`)).json()) as { headers: Record<string, string> }[];
  return mails.filter(({ headers }) => headers['x-order-id'] === orderId).length;
}

const untilMailed = (orderId: string) =>
  eventually(async () => (await mailsOf(orderId)) === 1, { withinMs: patienceMs, everyMs: 200 });

/** Every file below a directory, but for those of the database itself, which Postgres looks after. */
function filesBelow(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const inside = join(path, entry.name);
    if (entry.isDirectory()) return entry.name === 'cluster' ? [] : filesBelow(inside);
    return [inside];
  });
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'shop-start-'));
  // As root, Postgres runs under another account, which has to get at its data.
  chmodSync(directory, 0o755);
  for (const piece of pieces) cpSync(join(root, piece), join(directory, piece), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  shop = await start();
}, patienceMs);

afterAll(async () => {
  await shop?.stop();
  // After a failure there may be some whose start has ended before them.
  for (const { pid } of programs()) process.kill(pid, 'SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}, patienceMs);

describe('npm start', () => {
  test(
    'when the shop is open › has everything that an order needs, its mail included',
    async () => {
      expect(shop.note('API')).toBe(shop.url);
      expect((await fetch(/\S+/.exec(shop.note('Console'))?.[0] ?? '')).headers.get('Content-Type')).toContain('html');
      await untilMailed(await order());
    },
    patienceMs,
  );

  test('when a webhook leads to this machine › takes it, because receivers are tried out there', async () => {
    const body = { url: 'http://127.0.0.1:4000/shop-events', events: ['webhook.test'] };
    expect((await request(shop.url, 'POST', '/api/webhooks', { token: await signInShown(), body })).status).toBe(201);
  });

  test('when it has made secrets › lets nobody else read a file that holds one', async () => {
    const kept = ['jwt-secret', 'token-secret', 'admin-password', join('postgres', 'password')];
    const secrets = kept.map((file) => readFileSync(inData(file), 'utf8').trim());
    expect(new Set(secrets).size).toBe(kept.length);
    for (const secret of secrets) expect(secret).toMatch(/^[\w-]{32}$/);
    const files = filesBelow(inData());
    const holding = files.filter((file) => secrets.some((secret) => readFileSync(file, 'latin1').includes(secret)));
    expect(holding.sort()).toEqual(kept.map((file) => inData(file)).sort());
    for (const file of holding) expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect(statSync(inData('postgres', 'cluster')).mode & 0o077).toBe(0);
  });

  test(
    'beside another that runs from the same directory › says so and ends with 1, and that one goes on',
    async () => {
      const before = programs().map(({ pid }) => pid);
      const { exited, output } = await launch(await freePort());
      expect(await exited).toBe(1);
      expect(output()).toContain('The shop already runs from this directory');
      expect(output()).not.toMatch(/\n\s+at /);
      expect(programs().map(({ pid }) => pid)).toEqual(before);
      expect(await isReady()).toBe(true);
    },
    patienceMs,
  );

  test.each(['api', 'worker', 'mail-catcher', 'postgres'] as const)(
    'when its %s is killed › starts it again, and orders are placed and mailed as before',
    async (program) => {
      const before = await pidOf(program);
      process.kill(before, 'SIGKILL');
      await eventually(() => programs().some(({ pid, args }) => args.includes(named[program]) && pid !== before), {
        withinMs: patienceMs,
      });
      await untilReady();
      // The first connections of the others may still be those that broke.
      const id = await eventually(order, { withinMs: patienceMs, everyMs: 200 });
      await untilMailed(id);
      expect(shop.output()).toContain('has ended (SIGKILL) and starts again');
    },
    patienceMs,
  );

  test(
    'when it was killed itself › finds data and secrets again, and ends the Postgres that it left',
    async () => {
      const id = await order();
      const [left, admin] = [await pidOf('postgres'), shop.note('Admin')];
      await shop.kill();
      // The others end with it; Postgres is not ours to be told.
      await eventually(() => programs().every(({ args }) => !/(index|worker|mail-catcher)\.ts/.test(args)), {
        withinMs: patienceMs,
      });
      shop = await start();
      expect(programs().map(({ pid }) => pid)).not.toContain(left);
      expect(shop.note('Admin')).toBe(admin);
      expect(await orderStatus(id)).toBe(200);
    },
    2 * patienceMs,
  );

  test(
    'told to end › ends Postgres after those who use it, leaves nothing running, and ends with 0',
    async () => {
      const id = await order();
      // One that has only begun to start may end without a word.
      await untilMailed(id);
      const zoneMs = await zoneOfPostgresLog();
      const logged = { api: logLines('api').length, worker: logLines('worker').length };
      expect(await shop.stop()).toBe(0);
      expect(programs()).toEqual([]);
      expect(existsSync(clusterFile('postmaster.pid'))).toBe(false);
      await expect(fetch(shop.url)).rejects.toThrow();

      const endOf = (program: 'api' | 'worker') => {
        const lines = logLines(program).slice(logged[program]);
        expect(lines.filter(({ level }) => level !== 'info')).toEqual([]);
        expect(lines.at(-1)?.msg).toBe('stopped');
        return new Date(lines.at(-1)?.time ?? 0).getTime();
      };
      // As Postgres writes it: 2026-01-31 23:59:59.999 UTC [pid] LOG: ...
      const told = /^(\S+) (\S+) \S+ \[\d+\] LOG: {2}received fast shutdown/m;
      const [, day, time] = told.exec(readFileSync(inData('postgres', 'server.log'), 'utf8')) ?? [];
      expect(Date.parse(`${day}T${time}Z`) - zoneMs).toBeGreaterThanOrEqual(Math.max(endOf('api'), endOf('worker')));

      shop = await start();
      expect(await orderStatus(id)).toBe(200);
    },
    2 * patienceMs,
  );

  test(
    'when the pid that Postgres left has come round to another program › lets that live, and starts all the same',
    async () => {
      const id = await order();
      const lock = readFileSync(clusterFile('postmaster.pid'), 'utf8');
      await shop.stop();
      const { uid, gid } = statSync(inData('postgres', 'cluster'));
      // Of the same owner: another's program Postgres would not take for a server.
      const owner = process.getuid?.() === 0 ? { uid, gid } : {};
      const stranger = Bun.spawn(['sleep', '600'], { ...owner, stdio: ['ignore', 'ignore', 'ignore'] });
      try {
        writeFileSync(clusterFile('postmaster.pid'), lock.replace(/^\d+/, String(stranger.pid)), { mode: 0o600 });
        if (process.getuid?.() === 0) chownSync(clusterFile('postmaster.pid'), uid, gid);
        shop = await start();
        expect(stranger.signalCode ?? stranger.exitCode).toBeNull();
      } finally {
        stranger.kill('SIGKILL');
      }
      expect(await orderStatus(id)).toBe(200);
    },
    2 * patienceMs,
  );
});
