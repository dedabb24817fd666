import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { freePort } from '../standalone/ports.ts';
import { type Account, createProduct, placeOrder, registerCustomer, signInAdmin } from './support/client.ts';
import { installedProgram } from './support/programs.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually } from './support/wait.ts';

const password = 'sesame-door';

let shop: Shop;
let customer: Account;
let productId: string;
let directory: string;

beforeAll(async () => {
  shop = await startShop({ apis: 1, workers: 0 });
  customer = await registerCustomer(shop.url);
  productId = (await createProduct(shop.url, await signInAdmin(shop.url), { stock: 100 })).id;
  directory = mkdtempSync(join(tmpdir(), 'shop-mail-tls-'));
  await makeCertificates(directory);
});

afterAll(async () => {
  await shop.stop();
  rmSync(directory, { recursive: true });
});

/** A CA that nobody knows, and a certificate of it for 127.0.0.1. */
async function makeCertificates(place: string): Promise<void> {
  const openssl = await installedProgram('openssl', 'openssl');
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  const run = async (...args: string[]) => {
    const child = Bun.spawn([openssl, ...args], { cwd: place, stdio: ['ignore', 'ignore', 'pipe'] });
    const complaint = await child.stderr.text();
    if ((await child.exited) !== 0) throw new Error(complaint);
  };
  await run('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Shop CA');
  await run('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=127.0.0.1');
  await Bun.write(join(place, 'names'), 'subjectAltName=IP:127.0.0.1');
  const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names'];
  await run('x509', '-req', '-in', 'server.csr', '-out', 'server.pem', ...signer);
}

const certificate = () => ({
  key: readFileSync(join(directory, 'server.key')),
  cert: readFileSync(join(directory, 'server.pem')),
});

/** A mail server that keeps what a thief would want: every password and message, and whether it came in clear. */
async function startMailServer(options: SMTPServerOptions) {
  const seen = { passwords: [] as string[], messages: [] as { text: string; secure: boolean }[] };
  const server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    disableReverseLookup: true,
    closeTimeout: 100,
    onAuth: (auth, _session, done) => {
      seen.passwords.push(auth.password ?? '');
      done(null, { user: auth.username });
    },
    onData: (stream, session, done) => {
      let text = '';
      stream.on('data', (data) => {
        text += data;
      });
      stream.on('end', () => {
        seen.messages.push({ text, secure: session.secure });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => {});
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { port, seen, stop: () => new Promise<void>((resolve) => server.close(resolve)) };
}

type Try = {
  server: SMTPServerOptions;
  /** Of SMTP_URL, before and behind the address. */
  user?: string;
  query?: string;
  env?: Record<string, string>;
};

/** Lets a worker try to send the mail of a new order until `enough`, and answers what the mail server has seen. */
async function sendOne({ server, user = '', query = '', env = {} }: Try, enough: 'sent' | 'refused') {
  const { port, seen, stop } = await startMailServer(server);
  const worker = await shop.startWorker({ SMTP_URL: `smtp://${user}127.0.0.1:${port}${query}`, ...env });
  try {
    const { id } = await placeOrder(shop.url, customer.token, [{ productId, quantity: 1 }]);
    const lines = (msg: string) => worker.log().filter((line) => line.orderId === id && line.msg === msg);
    await eventually(() => lines(enough === 'sent' ? 'mail sent' : 'mail refused').length > 0);
    const [mail] = await shop.db<{ state: string }[]>`select state from mails where order_id = ${id}`;
    const [refusal] = lines('mail refused');
    expect(worker.output()).not.toContain(password);
    return { ...seen, state: mail?.state, refusal };
  } finally {
    await worker.kill();
    await stop();
  }
}

const withPassword = `shop:${password}@`;
const production = { NODE_ENV: 'production' };
const inClear: SMTPServerOptions = { disabledCommands: ['STARTTLS'] };

describe('a mail server without TLS', () => {
  test.each([
    ['to which SMTP_URL has a password', { server: inClear, user: withPassword }],
    [
      'that SMTP_URL lets off otherwise',
      { server: inClear, user: withPassword, query: '?ignoreTLS=true&requireTLS=false' },
    ],
    ['in production', { server: inClear, env: production }],
  ] as [string, Try][])('%s › gets neither password nor mail, and the log says why', async (_name, attempt) => {
    const { passwords, messages, state, refusal } = await sendOne(attempt, 'refused');
    expect({ passwords, messages }).toEqual({ passwords: [], messages: [] });
    expect(state).not.toBe('failed');
    expect(refusal).toMatchObject({ level: 'warn', permanent: false, reason: expect.stringContaining('no TLS') });
  });

  test.each([
    ['in production', { server: { ...inClear, disabledCommands: ['STARTTLS', 'AUTH'] }, env: production }],
    ['to which SMTP_URL has a password', { server: inClear, user: withPassword }],
  ] as [string, Try][])('%s › gets the mail when SMTP_URL says tls=never', async (_name, attempt) => {
    const { messages, passwords } = await sendOne({ ...attempt, query: '?tls=never' }, 'sent');
    // Earlier mails may come along.
    expect(new Set(messages.map(({ secure }) => secure))).toEqual(new Set([false]));
    expect([...new Set(passwords)]).toEqual(attempt.user ? [password] : []);
  });
});

describe('a mail server with STARTTLS whose CA nobody knows', () => {
  const attempt = (env: Record<string, string>): Try => ({
    server: certificate(),
    user: withPassword,
    env: { ...production, ...env },
  });

  test('gets neither password nor mail, and the log says why', async () => {
    const { passwords, messages, state, refusal } = await sendOne(attempt({}), 'refused');
    expect({ passwords, messages }).toEqual({ passwords: [], messages: [] });
    expect(state).not.toBe('failed');
    expect(refusal).toMatchObject({ level: 'warn', permanent: false, reason: expect.stringContaining('no TLS') });
  });

  test('gets both, encrypted, when NODE_EXTRA_CA_CERTS names it', async () => {
    const { passwords, messages } = await sendOne(attempt({ NODE_EXTRA_CA_CERTS: join(directory, 'ca.pem') }), 'sent');
    expect(new Set(passwords)).toEqual(new Set([password]));
    expect(new Set(messages.map(({ secure }) => secure))).toEqual(new Set([true]));
  });
});
