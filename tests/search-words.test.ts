import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import postgres, { type Sql } from 'postgres';
import { migrateDatabase } from '../src/db/migrate.ts';
import type { ProductBody } from '../src/schema/products.ts';
import { createProduct, request, signInAdmin } from './support/client.ts';
import { createDatabase, dropDatabase } from './support/databases.ts';
import { type Shop, startShop } from './support/shop.ts';

const setUpMsMax = 120_000;

/** What is asked for, and the name that has it. */
const found: [q: string, name: string][] = [
  ['École', 'École primaire'],
  ['école', 'École primaire'],
  ['ECOLE', 'École primaire'],
  ['e\u0301cole', 'École primaire'],
  ['École', 'E\u0301cole du soir'],
  ['привет', 'Привет мир'],
  ['ПРИВЕТ', 'Привет мир'],
  ['елка', 'Ёлка'],
  ['best', '“Best” in show'],
  ['“best”', 'Best of all'],
  ['d’été', "Soleil d'été"],
  ['été', 'Soleil d’été'],
  ['two', 'one—two…three'],
  ['three', 'one—two…three'],
  ['usb-c', 'Cable USB‑C'],
  ['漢字', '日本漢字辞典'],
  ['辞典', '日本漢字辞典'],
  ['典', '日本漢字辞典'],
  ['ｶﾞﾗｽ', '青いガラスの皿'],
  ['กาแฟ', 'ถ้วยกาแฟร้อน'],
  ['☕', 'mug☕️steel'],
  ['steel', 'mug☕️steel'],
  ['🍳', 'Apron 👩🏽‍🍳'],
  ['👩‍🍳', 'Apron 👩🏽‍🍳'],
  ['istanbul', 'İstanbul'],
  ['İSTANBUL', 'istanbul'],
  ['isparta', 'ISPARTA'],
  ['ISPARTA', 'ısparta'],
  ['strasse', 'Straße'],
  ['STRAẞE', 'Straße'],
  ['lodz', 'Łódź'],
  ['smorrebrod', 'Smørrebrød'],
  ['aether', 'Æther'],
  ['σισυφοσ', 'Σίσυφος'],
  ['full', 'ｆｕｌｌ width'],
  ['fine', 'ﬁne china'],
  ['coop', 'co\u00adop'],
  ['서울', '서울타워'],
];

const notFound: [q: string, name: string][] = [
  ['cole', 'École primaire'],
  ['字漢', '日本漢字辞典'],
  ['ole primaire', 'École primaire'],
  ['🍕', 'Apron 👩🏽‍🍳'],
];

/** Letters of scripts whose accents fold; made into words by a generator that always makes the same. */
const alphabets = [
  'aàâäæçéèêëîïôœùûüÿßøåłđñžşğıi',
  'абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґ',
  'αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊ',
];

function* inventWords(count: number): Generator<string> {
  let state = 0x5eed;
  const below = (limit: number) => {
    state = (state * 48_271) % 0x7fff_ffff;
    return state % limit;
  };
  for (let word = 0; word < count; word += 1) {
    const letters = Array.from(alphabets[word % alphabets.length] ?? '');
    yield Array.from({ length: 3 + below(6) }, () => letters[below(letters.length)]).join('');
  }
}

const formsOf = (word: string) => [
  word.normalize('NFC'),
  word.normalize('NFD'),
  word.toUpperCase(),
  word.toLowerCase(),
  word.normalize('NFD').replace(/\p{Mn}/gu, ''),
];

describe.each([
  ['C', `locale_provider libc locale 'C' encoding 'UTF8'`],
  ['C.UTF-8', `locale_provider libc locale 'C.UTF-8' encoding 'UTF8'`],
  ['en-US of ICU', `locale_provider icu icu_locale 'en-US' locale 'C' encoding 'UTF8'`],
  ['tr-TR of ICU', `locale_provider icu icu_locale 'tr-TR' locale 'C' encoding 'UTF8'`],
])('GET /api/products?q= where the locale is %s', (locale, options) => {
  let shop: Shop;
  let db: Sql;
  let url: string;
  let token: string;

  beforeAll(async () => {
    shop = await startShop({
      apis: 1,
      workers: 0,
      through: async (databaseUrl) => {
        url = await createDatabase(databaseUrl, `words_${locale.replace(/\W/g, '_').toLowerCase()}`, options);
        await migrateDatabase(url);
        return url;
      },
    });
    db = postgres(url, { max: 1 });
    token = await signInAdmin(shop.url);
    for (const name of new Set([...found, ...notFound].map(([, each]) => each))) {
      await createProduct(shop.url, token, { name });
    }
  }, setUpMsMax);

  afterAll(async () => {
    await db.end();
    await shop.api(0).stop();
    await dropDatabase(shop.db, url);
    await shop.stop();
  }, setUpMsMax);

  async function search(q: string): Promise<string[]> {
    const { status, body } = await request<{ data: ProductBody[] }>(
      shop.url,
      'GET',
      `/api/products?${new URLSearchParams({ q, limit: '100' })}`,
    );
    expect(status).toBe(200);
    return body.data.map(({ name }) => name);
  }

  test.each(found)('when %s is asked for › finds %s', async (q, name) => {
    expect(await search(q)).toContain(name);
  });

  test.each(notFound)('when %s is asked for › does not find %s', async (q, name) => {
    expect(await search(q)).not.toContain(name);
  });

  test.each(['“”', '…', '\u0301', '— ‘ ’', '\u200d'])('when nothing but %p is asked for › finds nothing', async (q) => {
    expect(await search(q)).toEqual([]);
  });

  test('when a product gets another name › finds it by that alone', async () => {
    const product = await createProduct(shop.url, token, { name: 'Žluťoučký kůň' });
    expect(await search('zlutoucky')).toEqual(['Žluťoučký kůň']);
    const { name: _name, ...rest } = { name: '', description: null, priceCents: 1, stock: 1 };
    const change = await request(shop.url, 'PUT', `/api/products/${product.id}`, {
      token,
      body: { ...rest, name: 'Ďábelské ódy' },
    });
    expect(change.status).toBe(200);
    expect(await search('zlutoucky')).toEqual([]);
    expect(await search('dabelske ody')).toEqual(['Ďábelské ódy']);
  });

  test('when a name has invented words › finds it by each of them, however it is written', async () => {
    const words = [...inventWords(30)];
    const names = Array.from({ length: 10 }, (_, place) => words.slice(3 * place, 3 * place + 3).join('–'));
    for (const name of names) await createProduct(shop.url, token, { name });
    for (const name of names) {
      for (const q of new Set(name.split('–').flatMap(formsOf))) {
        expect({ q, names: await search(q) }).toEqual({ q, names: expect.arrayContaining([name]) });
      }
    }
  });

  test('every letter of the scripts that have cases › is folded alike in every form', async () => {
    const cased = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Armenian}\p{Script=Georgian}]/u;
    const letters = Array.from({ length: 0x1_0000 }, (_, code) => code)
      .filter((code) => (code < 0xd800 || code > 0xdfff) && code > 0)
      .map((code) => String.fromCodePoint(code))
      // In capitals, a subscript iota is a letter of its own.
      .filter((letter) => cased.test(letter) && /\p{L}/u.test(letter) && !letter.normalize('NFKD').includes('\u0345'));
    const pairs = letters.flatMap((letter) => formsOf(letter).map((form) => [letter, form]));
    const apart = await db`
      select letter, form from unnest(${pairs.map(([letter]) => letter ?? '')}::text[], ${pairs.map(([, form]) => form ?? '')}::text[])
        as pair (letter, form)
      where search_words(letter) <> search_words(form) or cardinality(search_words(letter)) <> 1`;
    expect([...apart]).toEqual([]);
  });
});
