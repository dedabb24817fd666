import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import {
  anyRequest,
  type Caller,
  type KnownIds,
  type MadeRequest,
  type Operation,
  readOperations,
  strangeBodies,
  strangeQueries,
  validValue,
} from './hostile/requests.ts';
import { dawdle, exchange, openRaw, pour, pouredBytesMax, type RawConnection } from './hostile/sockets.ts';
import { notUtf8 } from './hostile/values.ts';
import { openAccount } from './support/accounts.ts';
import {
  type Account,
  claimsOf,
  createProduct,
  placeOrder,
  registerCustomer,
  signIn,
  signInAdmin,
} from './support/client.ts';
import { type Ask, checkedRequests, expectInvalid, readDocument } from './support/document.ts';
import { makeOld } from './support/orders.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { givenLoad, pause } from './support/wait.ts';

/** How many requests to make up for each operation: `FUZZ_RUNS=1000 npm test -- tests/hostile-input` looks longer. */
const fuzzRuns = Number(process.env.FUZZ_RUNS ?? 10);
/** `FUZZ_SEED` takes the seed of an earlier run. */
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
/** An answer takes far less than a second; a machine with other work to do gets some more. */
const answerMsMax = 3_000;
const fuzzRunMsMax = 1_000;
const bodyBytesMax = 1024 * 1024;
const sentAtOnce = 8;
/** What takes the square of its length would take a minute. */
const longBytes = 300_000;
/** Bun gives a request 10 s for its headers and `idleTimeout`, 30 s, for the rest, and looks every few seconds. */
const slowRequestMsMax = 40_000;

let shop: Shop;
let ask: Ask;
let operations: Operation[];
let adminToken: string;
let customer: Account;
let ids: KnownIds;
let dawdlers: Record<string, RawConnection>;

const getHead = 'GET /healthz HTTP/1.1\r\nHost: x\r\n';
const postHead = 'POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';

/** Ways to send a request for ever: how it begins, and what comes again and again. */
const waysToDawdle: Record<string, [begin: string, again?: string]> = {
  'says nothing': [''],
  'stops within its headers': [getHead],
  'sends a header letter by letter': [`${getHead}X-A: `, 'a'],
  'sends header after header': [getHead, 'X-A: a\r\n'],
  'never sends its body': [`${postHead}Content-Length: 1000\r\n\r\n`],
  'sends its body letter by letter': [`${postHead}Content-Length: 1000\r\n\r\n`, ' '],
  'sends chunk after chunk': [`${postHead}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n'],
};

beforeAll(async () => {
  shop = await startShop({ workers: 0, env: { TRUST_PROXY: '1' } });
  dawdlers = Object.fromEntries(
    Object.entries(waysToDawdle).map(([how, [begin, again]]) => [how, dawdle(shop.url, begin, again)]),
  );
  ask = await checkedRequests(shop.url);
  operations = readOperations(await readDocument(shop.url));
  adminToken = await signInAdmin(shop.url);
  customer = await openAccount(shop);
  ids = await setTheScene();
});

afterAll(() => shop.stop());

/** Things of every kind. The customer stays, because of an order that no request gets to know. */
async function setTheScene(): Promise<KnownIds> {
  const open = () => openAccount(shop);
  const [idle, buyers] = await Promise.all([Promise.all([open(), open()]), Promise.all([open(), open()])]);
  const products = await Promise.all([1, 2, 3, 4].map(() => createProduct(shop.url, adminToken, { stock: 100_000 })));
  const order = ({ token }: Account) =>
    placeOrder(shop.url, token, [{ productId: products[0]?.id ?? '', quantity: 1 }]);
  const orders = await Promise.all([...buyers, ...buyers, customer, customer].map(order));
  for (const { id } of orders) await makeOld(shop.db, id);
  const mails = await shop.db<{ id: string }[]>`update mails set state = 'failed', due_at = null returning id`;
  await order(customer);
  await Promise.all([1, 2, 3].map(() => signIn(shop.url, customer)));
  const sessions = await shop.db<{ id: string }[]>`
    select id from sessions where customer_id = ${customer.id} and id <> ${String(claimsOf(customer.token).sid)}`;
  const keys = await shop.db<{ id: string }[]>`
    insert into api_keys (id, name, scopes, key_hash, created_by, created_at)
    select uuid_v7(now()), 'Warehouse', array['orders:read'], number::text, ${customer.id}, now()
    from generate_series(1, 3) as number
    returning id`;
  const webhooks = await shop.db<{ id: string }[]>`
    insert into webhooks (id, url, events, secret, created_at, updated_at)
    select uuid_v7(), 'https://example.com/', '{*}', 'whsec_x', now(), now() from generate_series(1, 3) returning id`;
  const deliveries = await shop.db<{ id: string }[]>`
    insert into webhook_deliveries (webhook_id, type, subject_id, occurrence, data, state, created_at)
    select id, 'webhook.test', uuid_v7(), 1, '{}', 'failed', now() from webhooks returning id`;
  const idsOf = (things: { id: string }[]) => things.map(({ id }) => id);
  return {
    products: idsOf(products),
    customers: idsOf([customer, ...buyers, ...idle]),
    orders: idsOf(orders),
    mails: idsOf(mails),
    sessions: idsOf(sessions),
    keys: idsOf(keys),
    webhooks: idsOf(webhooks),
    'webhook-deliveries': idsOf(deliveries),
    actors: idsOf([customer]),
    subjects: idsOf([customer, ...products]),
  };
}

function tokenOf(caller: Caller): { token?: string } {
  if (caller === 'nobody') return {};
  return { token: { 'a stranger': 'a.b.c', 'a customer': customer.token, 'an admin': adminToken }[caller] };
}

/**
 * Sends a request, and gives back an answer that is declared.
 * @throws when it comes late, or is the shop's fault
 */
async function send({ method, path, headers, body, caller }: MadeRequest) {
  const startedAt = performance.now();
  const answer = await ask(method, path, { ...tokenOf(caller), headers, ...(body === undefined ? {} : { body }) });
  const tookMs = Math.round(performance.now() - startedAt);
  if (answer.status >= 500 || tookMs > givenLoad(answerMsMax)) {
    throw new Error(`${method} ${path} ${body?.slice(0, 500)} answered ${answer.status} after ${tookMs} ms`);
  }
  if (answer.status === 204 && /\/logout(\?|$)/.test(path) && caller === 'an admin')
    adminToken = await signInAdmin(shop.url);
  if (answer.status === 204 && /sign-out|logout/.test(path) && caller !== 'a stranger') {
    const [found] = await shop.db<{ email: string }[]>`select email from customers where id = ${customer.id}`;
    customer = { ...customer, token: await signIn(shop.url, { ...customer, ...found }) };
  }
  return answer;
}

const sendAsAdmin = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
  send({ method, path, body, headers, caller: 'an admin' });

const exampleOf = (schema: Parameters<typeof validValue>[0]) =>
  fc.sample(validValue(schema, '', ids), { seed: 1, numRuns: 1 })[0] as object;

/** The operations that take a body, each with a path that leads somewhere. */
function bodyOperations() {
  return operations.flatMap(({ method, path, body }) =>
    body ? [{ method, path: path.replace('{id}', ids[path.split('/')[2] ?? '']?.[0] ?? ''), body }] : [],
  );
}

async function expectAlive(): Promise<void> {
  expect((await fetch(`${shop.url}/healthz`)).status).toBe(200);
}

describe('Every operation', () => {
  describe('when requests are made from its schemas, well and badly', () => {
    test(
      'answers as it declares, in time, and never with 5xx',
      async () => {
        console.log(`${fuzzRuns} requests to each of ${operations.length} operations, made from seed ${seed}.`);
        for (const operation of operations) {
          const property = fc.asyncProperty(anyRequest(operation, ids), async (made) => {
            await send(made);
          });
          await fc.assert(property, { seed, numRuns: fuzzRuns });
        }
      },
      fuzzRuns * fuzzRunMsMax + 180_000,
    );
  });

  describe('when one value of a good request is strange', () => {
    test('answers as it declares, in time, and never with 5xx', async () => {
      const bodies = bodyOperations().flatMap(({ method, path, body }) =>
        strangeBodies(body, ids).map((text) => ({ method, path, body: text })),
      );
      const queries = operations.flatMap((operation) =>
        strangeQueries(operation).map((query) => ({ method: 'GET', path: operation.path + query, body: undefined })),
      );
      const requests = [...bodies, ...queries];
      for (let at = 0; at < requests.length; at += sentAtOnce) {
        const batch = requests.slice(at, at + sentAtOnce);
        await Promise.all(batch.map(({ method, path, body }) => sendAsAdmin(method, path, body)));
      }
    });
  });

  describe('when its body is deep, wide or long', () => {
    const many = 100_000;
    const names = Array.from({ length: 80_000 }, (_, index) => `"a${index}":0`).join();
    const bodies: Record<string, string> = {
      'arrays 100 000 deep': '['.repeat(many) + ']'.repeat(many),
      'objects 100 000 deep': `${'{"a":'.repeat(many)}0${'}'.repeat(many)}`,
      'arrays 500 000 deep in a list': `{"items":[${'['.repeat(5 * many)}${']'.repeat(5 * many)}]}`,
      'a bottomless object': '{"a":'.repeat(many),
      '80 000 members': `{${names}}`,
      '80 000 members in a line of an order': `{"items":[{${names}}]}`,
      '500 000 elements': `[${'0,'.repeat(5 * many)}0]`,
      '90 000 tags of a product': `{"tags":[${Array.from({ length: 90_000 }, (_, index) => `"t${index}"`)}]}`,
      '300 000 times the same tag': `{"tags":[${'"",'.repeat(3 * many)}""]}`,
      '300 000 lines of an order': `{"items":[${'{},'.repeat(3 * many)}{}]}`,
      'the same member 100 000 times': `{${'"name":0,'.repeat(many)}"name":0}`,
      'a number of a million digits': '1'.repeat(10 * many),
      'a million blanks': ' '.repeat(10 * many),
      'a name of a million letters': `{"${'x'.repeat(10 * many)}":0}`,
    };
    test.each(Object.entries(bodies))('refuses it in time, in few words: %s', async (_what, body) => {
      for (const { method, path } of bodyOperations()) {
        const answer = await sendAsAdmin(method, path, body, { 'Idempotency-Key': crypto.randomUUID() });
        expect(answer.status).toBeOneOf([400, 422]);
        expect(JSON.stringify(answer.body).length).toBeLessThan(body.length + 2_000);
      }
    });

    test.each(['a', 'a.', '.', 'a@', 'a@a.', 'a@a.aa', ' ', '\u00a0', "'", '\ud83d\ude00', '1', '+1', '\\ud800'])(
      'checks text in time, however long: %j',
      async (part) => {
        const long = part.repeat(longBytes / Buffer.byteLength(part));
        for (const { method, path, body } of bodyOperations()) {
          for (const name of Object.keys(body.properties ?? {})) {
            const { [name]: _replaced, ...others } = exampleOf(body) as Record<string, unknown>;
            const text = JSON.stringify(others)
              .replace('{', () => `{"${name}":"${long}",`)
              .replace(',}', '}');
            expect((await sendAsAdmin(method, path, text)).status).toBeOneOf([400, 401, 422]);
          }
        }
      },
    );

    test('refuses more than 1 MiB, whether it has a use for a body or not', async () => {
      const body = JSON.stringify('x'.repeat(bodyBytesMax));
      for (const { method, path } of operations) {
        if (method !== 'GET') {
          const answer = await sendAsAdmin(method, path.replace('{id}', randomUUID()), body);
          expectProblem(answer, 413, 'payload_too_large');
        }
      }
    });
  });

  describe('when its body is no UTF-8', () => {
    test.each(Object.entries(notUtf8))('answers 400: %s', async (_what, bytes) => {
      for (const { method, path, body } of bodyOperations()) {
        const [before = '', after = ''] = JSON.stringify({ ...exampleOf(body), name: 'x-x' }).split('-x');
        const response = await fetch(shop.url + path, {
          method,
          headers: { Authorization: `Bearer ${adminToken}`, 'Content-Type': 'application/json' },
          body: Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]),
        });
        expect(response.status).toBe(400);
        expect(await response.json()).toMatchObject({ code: 'malformed_json' });
      }
    });
  });

  describe('when its body is compressed', () => {
    let bomb: Uint8Array<ArrayBuffer>;

    beforeAll(() => {
      bomb = Bun.gzipSync(Buffer.alloc(64 * bodyBytesMax));
    });

    test.each(['gzip', 'GZIP', 'x-gzip', 'deflate', 'br', 'zstd', 'identity, gzip'])(
      'answers 415 without a look inside: %s',
      async (encoding) => {
        for (const { method, path } of bodyOperations()) {
          const response = await fetch(shop.url + path, {
            method,
            headers: {
              Authorization: `Bearer ${adminToken}`,
              'Content-Type': 'application/json',
              'Content-Encoding': encoding,
            },
            body: bomb,
          });
          expect(response.status).toBe(415);
        }
      },
    );
  });

  describe('when its body names what only the shop may set', () => {
    test('answers 422 and names each', async () => {
      const columns = await shop.db<{ name: string }[]>`
        select distinct column_name as name from information_schema.columns where table_schema = 'public'`;
      const members = columns.map(({ name }) => name.replace(/_./g, (letter) => letter.charAt(1).toUpperCase()));
      expect(members).toContainValues(['role', 'passwordHash', 'tokenVersion', 'deletedAt', 'version', 'status']);
      for (const { method, path, body } of bodyOperations()) {
        const declared = Object.keys(body.properties ?? {});
        const foreign = [...members, 'isAdmin', 'admin', 'token'].filter((name) => !declared.includes(name));
        // What may be left out may not go with all that must be there.
        const needed = Object.entries(exampleOf(body)).filter(([name]) => body.required?.includes(name));
        const text = JSON.stringify({
          ...Object.fromEntries(needed),
          ...Object.fromEntries(foreign.map((name) => [name, 'admin'])),
        });
        expectInvalid(await sendAsAdmin(method, path, text), ...foreign);
      }
    });
  });
});

describe('A search', () => {
  const search = (q: string) => sendAsAdmin('GET', `/api/products?q=${encodeURIComponent(q)}`);

  describe('when it is made of what means something to a parser', () => {
    const pieces = [
      "'",
      "''",
      '"',
      '\\',
      "\\'",
      ':*',
      ':A',
      '&',
      '|',
      '!',
      '<->',
      '<2>',
      '(',
      ')',
      '()',
      '%',
      '_',
      '.*',
      '(a+)+',
    ];
    test.each([
      ...pieces.flatMap((piece) => [piece.repeat(Math.floor(200 / piece.length)), `a${piece}b`, `${piece} a ${piece}`]),
      'a '.repeat(100),
      'x'.repeat(200),
      '🛒'.repeat(200),
      '.,;:!?'.repeat(30),
      'e\u0301'.repeat(100),
      '\u202eabc',
      '\u3000',
      'ﷺ'.repeat(200),
      'İ'.repeat(200),
    ])('is text like any other: %j', async (q) => {
      expect((await search(q)).status).toBe(200);
    });

    test.each(['\0', 'x'.repeat(201)])('is refused where it cannot be text, or is too long: %j', async (q) => {
      expectInvalid(await search(q), 'q');
    });
  });

  describe('when it has very many words', () => {
    test('looks for the first ten that differ', async () => {
      const word = `w${randomUUID().slice(0, 8)}`;
      const words = Array.from({ length: 10 }, (_, index) => `${word}n${index}`);
      const { id } = await createProduct(shop.url, adminToken, { name: words.join(' ') });
      const found = async (q: string) => (await search(q)).body.data as { id: string }[];
      expect(await found([...words, 'another'].join(' '))).toMatchObject([{ id }]);
      expect(await found(`${word} ${word} ${word} another`)).toEqual([]);
    });
  });
});

describe('An e-mail address', () => {
  describe('when it is very long', () => {
    test('is refused for its length, before anything looks for a pattern in it', async () => {
      const body = { name: 'Ada', email: `${'a.'.repeat(400_000)}@example.com`, password: 'open sesame' };
      const answer = await ask('POST', '/api/auth/register', { body });
      expectInvalid(answer, 'email');
      expect(answer.body.errors).toEqual([{ path: 'email', message: expect.stringContaining('254') }]);
    });
  });

  describe('when it holds what a header or another address is made of', () => {
    test.each([
      'ada@example.com\r\nBcc: evil@example.com',
      'ada@example.com\nBcc: evil@example.com',
      'ada@example.com\r',
      'ada\r\n@example.com',
      'ada@example.com\0',
      'ada@example.com, evil@example.com',
      'ada@example.com; evil@example.com',
      'ada@example.com evil@example.com',
      'Ada <ada@example.com>',
      '<ada@example.com>',
      '"ada evil"@example.com',
      '"ada@example.com"',
      'ada@example.com>',
      'ada(evil)@example.com',
      'ada@[127.0.0.1]',
      'ada@example.com%0d%0aBcc:evil@example.com',
      'ada@@example.com',
      'ada@example.com@evil.example.com',
      'ada@example.com\u202e',
      'ada@exämple.com',
      'ada@-bad-.com',
      `ada@${'b'.repeat(64)}.com`,
      `${'a'.repeat(65)}@example.com`,
      'ada@example..com',
      '.ada..@example.com',
      '\u0430da@example.com',
      'ada@example.com\u2028Bcc: evil@example.com',
    ])('is refused at every door: %j', async (email) => {
      const inner = `x${email}x`;
      for (const address of [email.trim() === email ? email : inner, inner]) {
        const doors = [
          ['POST', '/api/auth/register', { name: 'Ada', email: address, password: 'open sesame' }],
          ['PUT', `/api/customers/${customer.id}`, { name: 'Ada', email: address, phone: null }],
          ['PATCH', `/api/customers/email/${customer.id}`, { email: address }],
        ] as const;
        for (const [method, path, body] of doors) {
          expectInvalid(await ask(method, path, { token: customer.token, body }), 'email');
        }
      }
    });
  });
});

describe('The address that failed sign-ins are counted under', () => {
  describe('when the caller names others in headers that no proxy of ours writes', () => {
    test('stays the one that the trusted hop has seen', async () => {
      const email = `${randomUUID()}@example.com`;
      const guess = (time: number) => {
        const other = `203.0.113.${time}`;
        return ask('POST', '/api/auth/login', {
          body: { email, password: 'not the password' },
          headers: {
            'X-Forwarded-For': `${other}, 198.51.100.7`,
            'X-Real-IP': other,
            'X-Client-IP': other,
            'True-Client-IP': other,
            'CF-Connecting-IP': other,
            Forwarded: `for=${other}`,
          },
        });
      };
      for (let time = 0; time < 10; time += 1) expectProblem(await guess(time), 401, 'invalid_credentials');
      expectProblem(await guess(10), 429, 'rate_limited');
    });
  });
});

describe('Signing in', () => {
  describe('when many failures are timed', () => {
    test('takes as long for an unknown address as for a wrong password', async () => {
      const took = { unknown: [] as number[], wrong: [] as number[] };
      // Not the one whose address others may have changed by now.
      const { email: known, password: right } = await registerCustomer(shop.url);
      async function measure(kind: keyof typeof took, email: string) {
        const headers = { 'X-Forwarded-For': `2001:db8:${randomUUID().slice(0, 4)}:${randomUUID().slice(0, 4)}::1` };
        const startedAt = performance.now();
        const answer = await ask('POST', '/api/auth/login', { body: { email, password: 'not the password' }, headers });
        took[kind].push(performance.now() - startedAt);
        expect(answer.status).toBe(401);
      }
      // In turns, so that whatever else the machine does slows both kinds alike.
      for (let round = 0; round < 40; round += 1) {
        await measure('unknown', `${randomUUID()}@example.com`);
        await measure('wrong', known);
      }
      expect(await signIn(shop.url, { email: known, password: right })).toBeString();
      const medians = { unknown: median(took.unknown), wrong: median(took.wrong) };
      console.log(`Medians: ${medians.unknown.toFixed(1)} ms unknown, ${medians.wrong.toFixed(1)} ms wrong password.`);
      expect(medians.unknown / medians.wrong).toBeWithin(1 / 1.5, 1.5);
    });
  });
});

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

describe('A connection', () => {
  const post = (headers: string, body = '') => `${postHead}${headers}\r\n\r\n${body}`;

  describe('when it brings headers or an address too large', () => {
    test.each([
      ['one header of 20 kB', `X-A: ${'a'.repeat(20_000)}\r\n`],
      ['one header of 2 MB', `X-A: ${'a'.repeat(2_000_000)}\r\n`],
      ['1 000 headers', 'X-A: a\r\n'.repeat(1_000)],
      ['100 000 headers', 'X-A: a\r\n'.repeat(100_000)],
      ['a token of 20 kB', `Authorization: Bearer ${'a'.repeat(20_000)}\r\n`],
      ['a name of 20 kB', `${'a'.repeat(20_000)}: a\r\n`],
    ])('is told so or broken off: %s', async (_what, headers) => {
      const { status } = await exchange(shop.url, `GET /healthz HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
      expect(status).toBeOneOf([431, null]);
      await expectAlive();
    });

    test('is told so or broken off: an address of 100 kB', async () => {
      const { status } = await exchange(shop.url, `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`);
      expect(status).toBeOneOf([414, 431, null]);
      await expectAlive();
    });
  });

  describe('when it lies about the length of its body', () => {
    test.each([
      ['two lengths', post('Content-Length: 2\r\nContent-Length: 3', '{} ')],
      ['a length and chunks', post('Content-Length: 4\r\nTransfer-Encoding: chunked', '2\r\n{}\r\n0\r\n\r\n')],
      ['below zero', post('Content-Length: -1', '{}')],
      ['no number', post('Content-Length: two', '{}')],
      ['hexadecimal', post('Content-Length: 0x2', '{}')],
      ['with a sign', post('Content-Length: +2', '{}')],
      ['beyond every number', post('Content-Length: 99999999999999999999', '{}')],
      ['no chunk size', post('Transfer-Encoding: chunked', 'zz\r\n{}\r\n0\r\n\r\n')],
      ['a chunk size beyond every number', post('Transfer-Encoding: chunked', 'ffffffffffffffffff\r\n{}')],
      ['an unknown encoding', post('Transfer-Encoding: gzip, chunked', '2\r\n{}\r\n0\r\n\r\n')],
      ['a misspelt encoding', post('Transfer-Encoding: xchunked', '2\r\n{}\r\n0\r\n\r\n')],
      ['a blank before the colon', post('Content-Length : 2', '{}')],
      ['a folded header', post('Content-Length:\r\n 2', '{}')],
      ['a NUL in a header', post('X-A: a\0b\r\nContent-Length: 2', '{}')],
    ])('is refused, and nothing after it is taken for a request: %s', async (_what, bytes) => {
      const another = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
      const { status, answer, brokenOff } = await exchange(shop.url, bytes + another, { untilClosed: true });
      expect(status).toBeOneOf([400, null]);
      expect(answer).not.toContain('200 OK');
      expect(brokenOff).toBeTrue();
    });

    test('announces more than 1 MiB and is refused before it sends them', async () => {
      const { status } = await exchange(shop.url, post(`Content-Length: ${bodyBytesMax + 1}`, '{'));
      expect(status).toBe(413);
    });

    test('sends chunks without end and is refused after 1 MiB', async () => {
      const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
      const { status } = await exchange(shop.url, post('Transfer-Encoding: chunked', chunk.repeat(17)));
      expect(status).toBe(413);
    });

    test.each([
      ['a length', 'POST', 'Content-Length: 2000000000'],
      ['chunks', 'POST', 'Transfer-Encoding: chunked'],
      ['a length that its method has no use for', 'GET', 'Content-Length: 2000000000'],
      ['chunks that its method has no use for', 'GET', 'Transfer-Encoding: chunked'],
    ])('goes on and on, and is broken off soon after the limit: %s', async (_what, method, header) => {
      const path = method === 'GET' ? '/api/products' : '/api/auth/login';
      const head = `${method} ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${header}\r\n\r\n`;
      const block = ' '.repeat(0x10000);
      const { answer, sentBytes } = await pour(
        shop.url,
        head,
        header.includes('chunked') ? `10000\r\n${block}\r\n` : block,
      );
      // Who still sends when the connection ends may never see the answer.
      expect(answer.slice(0, 12)).toBeOneOf(['HTTP/1.1 413', '', ...(method === 'GET' ? ['HTTP/1.1 200'] : [])]);
      // How much a socket swallows until its end arrives depends on the machine.
      expect(sentBytes).toBeLessThan(pouredBytesMax / 2);
      await expectAlive();
    });

    test('is told that the connection ends, when it has sent no more than what is refused', async () => {
      const { status, answer, brokenOff } = await exchange(shop.url, post('Content-Length: 2000000'), {
        untilClosed: true,
      });
      expect({ status, brokenOff }).toEqual({ status: 413, brokenOff: true });
      expect(answer).toMatch(/^connection: close\r$/im);
    });

    test('breaks off in the middle and leaves no trace', async () => {
      const email = `${randomUUID()}@example.com`;
      const body = JSON.stringify({ name: 'Ada', email, password: 'open sesame' });
      const connection = openRaw(shop.url);
      connection.send(post(`Content-Length: ${body.length + 1}`, body).replace('login', 'register'));
      await pause(100);
      connection.end();
      await connection.closed;
      const { id } = await openAccount(shop);
      expect(await shop.db`select id from customers where email = ${email} or id = ${id}`).toHaveLength(1);
    });
  });

  describe('when it does not speak HTTP', () => {
    test.each([
      ['bytes at random', Buffer.from(Array.from({ length: 1_000 }, (_, index) => (index * 37) % 256))],
      ['TLS', Buffer.from('16030100f1010000ed0303', 'hex')],
      ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      ['no host', 'GET /healthz HTTP/1.1\r\n\r\n'],
      ['no path', 'GET healthz HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['a NUL in the path', 'GET /api/products/\0 HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['a method of its own', 'STEAL /api/products HTTP/1.1\r\nHost: x\r\n\r\n'],
    ])('is refused or broken off: %s', async (_what, bytes) => {
      const { status } = await exchange(shop.url, bytes);
      expect(status).toBeOneOf([400, 501, 505, null]);
      await expectAlive();
    });
  });

  describe('when it names a host that is none', () => {
    test.each(['x/healthz?', 'x/healthz#', 'a@b', 'a b', '<>', '%', 'x?:////metrics'])(
      'is refused: %s',
      async (host) => {
        const { status } = await exchange(shop.url, `GET /api/orders?:////metrics HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
        expect(status).toBe(400);
      },
    );
  });

  describe('when hundreds of them dawdle', () => {
    test('others are served as ever', async () => {
      const slow = Array.from({ length: 300 }, () => openRaw(shop.url));
      for (const connection of slow) connection.send(post('Content-Length: 1000', '{'));
      for (let time = 0; time < 10; time += 1) expect((await sendAsAdmin('GET', '/api/products')).status).toBe(200);
      for (const connection of slow) connection.end();
    });
  });

  // Last, because the others go on while these are waited for.
  describe('when it dawdles', () => {
    test.each(Object.keys(waysToDawdle))(
      'is ended in bounded time: %s',
      async (how) => expect(await dawdlers[how]?.closed).toBeLessThan(givenLoad(slowRequestMsMax)),
      slowRequestMsMax,
    );
  });
});

describe('The log', () => {
  describe('when much of this has been asked for', () => {
    test('holds no password, no token, no hash and no SQL', () => {
      const written = shop.output();
      const secrets = [customer.token, adminToken, customer.password, 'not the password', '$argon2'];
      expect(secrets.filter((secret) => written.includes(secret))).toEqual([]);
      expect(written).not.toMatch(/\b(select\b.+\bfrom\b|insert\s+into|update\s+"?\w+"?\s+set)\b/i);
    });

    test('holds no fault of the shop', () => {
      const faults = shop.log().filter(({ level }) => level === 'error' || level === 'fatal');
      expect(faults).toEqual([]);
    });
  });
});
