import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { registerCustomer, signIn } from './support/client.ts';
import { type Ask, checkedRequests, expectInvalid } from './support/document.ts';
import { type Shop, startShop } from './support/shop.ts';

let shop: Shop;
let ask: Ask;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  ask = await checkedRequests(shop.url);
});

afterAll(() => shop.stop());

/** Names that would carry a link into a mail, turn a line round, or look like nothing or like somebody else's. */
const bad: Record<string, string> = {
  'a link': 'Prize: http://evil.example',
  'a link of another kind': 'x://y',
  'a link without a scheme': 'Claim at www.evil.example',
  'the same in capitals': 'WWW.EVIL.EXAMPLE',
  'the same in mixed case': 'Ada wWw.evil.example',
  'the same in full width': '\uff57\uff57\uff57\uff0eevil.example',
  'a link in full width': 'http\uff1a\uff0f\uff0fevil.example',
  'the same with a joiner in it': 'w\u200dww.evil.example',
  'the same with a soft hyphen in it': 'ww\u00adw.evil.example',
  'two lines': 'Ada\nBcc: all@example.com',
  'a line separator': 'Ada\u2028Lovelace',
  'a paragraph separator': 'Ada\u2029Lovelace',
  'an escape': 'Ada\u001b[2J',
  'a C1 control': 'Ada\u0085Lovelace',
  'an override of direction': 'Ada \u202egnp.exe\u202c',
  'an isolate': 'Ada \u2066x\u2069',
  'a mark of direction': 'Ada\u200f',
  'an Arabic letter mark': 'Ada\u061c',
  'a space of no width': 'Ada\u200bLovelace',
  'a word joiner': 'Ada\u2060Lovelace',
  'a byte order mark inside': 'Ada\ufeffLovelace',
  'a byte order mark before it': '\ufeffAda',
  'a byte order mark behind it': 'Ada\ufeff',
  'a joiner before it': '\u200dAda',
  'a joiner behind it': 'Ada\u200d',
  'a non-joiner behind it': 'Ada\u200c',
  'joiners that join each other': 'Ada\u200d\u200dLovelace',
  'joiners alone': '\u200c\u200d',
  'a filler alone': '\u3164',
  'half a filler alone': '\uffa0',
  'blanks of Braille alone': '\u2800\u2800',
  'variation selectors alone': '\ufe0f\ufe0f',
  'tags alone': '\u{e0061}\u{e0062}',
  'soft hyphens alone': '\u00ad\u00ad',
};

const good = [
  'St.John',
  'Dr. Ada King, Countess of Lovelace',
  "O'Brien-Smith",
  'Nguyễn Thị Minh',
  'Владимир',
  '株式会社 山田',
  '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645',
  '\u0915\u094d\u200d\u0937',
  'Ada \u{1f469}\u200d\u{1f4bb}',
  'مُحَمَّد',
  'www',
  'A/B: C',
  '1',
];

const profile = (name: string) => ({ name, email: `${randomUUID()}@example.com`, phone: null });
const register = (name: string) =>
  ask('POST', '/api/auth/register', { body: { ...profile(name), password: 'open sesame' } });

describe('POST /api/auth/register', () => {
  test.each(Object.entries(bad))('with a name that holds %s › answers 422', async (_what, name) => {
    expectInvalid(await register(name), 'name');
  });

  test.each(good)('with the name %s › answers 201 and keeps it', async (name) => {
    expect(await register(name)).toMatchObject({ status: 201, body: { name } });
  });
});

describe('PUT /api/customers/:id', () => {
  test('with any of these names › answers 422, and the name stays', async () => {
    const { id, token, name } = await registerCustomer(shop.url);
    for (const each of Object.values(bad)) {
      expectInvalid(await ask('PUT', `/api/customers/${id}`, { token, body: profile(each) }), 'name');
    }
    expect((await ask('GET', `/api/customers/${id}`, { token })).body.name).toBe(name);
  });

  test('of an account that got such a name before › asks for a better one; all else goes on', async () => {
    const { id, email, password } = await registerCustomer(shop.url);
    const old = 'Claim at www.evil.example \u202e';
    await shop.db`update customers set name = ${old} where id = ${id}`;
    const token = await signIn(shop.url, { email, password });
    const path = `/api/customers/${id}`;
    expect((await ask('GET', path, { token })).body.name).toBe(old);
    const phone = { token, body: { phone: '+12025550123' } };
    expect((await ask('PATCH', `/api/customers/phone/${id}`, phone)).body.name).toBe(old);
    expectInvalid(await ask('PUT', path, { token, body: { name: old, email, phone: null } }), 'name');
    expect((await ask('PUT', path, { token, body: { name: 'Ada', email, phone: null } })).status).toBe(200);
  });
});

describe('bun run admin:create', () => {
  test('with such a name › says so and makes nobody an admin', async () => {
    const root = join(import.meta.dir, '..');
    const email = `${randomUUID()}@example.com`;
    const command = ['scripts/create-admin.ts', '--email', email, '--name', 'www.evil.example'];
    const child = Bun.spawn([process.execPath, ...command], {
      cwd: root,
      env: { PATH: process.env.PATH, DATABASE_URL: shop.databaseUrl, ADMIN_PASSWORD: 'open sesame' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [code, complaint] = await Promise.all([child.exited, child.stderr.text()]);
    expect({ code, complaint }).toEqual({ code: 1, complaint: expect.stringMatching(/^name must not /) });
    expect(await shop.db`select id from customers where email = ${email}`).toBeEmpty();
  });
});
