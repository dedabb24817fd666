import { describe, expect, test } from 'bun:test';
import { createClient, paginate, ShopError, unwrap } from './index.ts';

/** A client whose requests are answered by `answer`, and the paths and tokens that it sent. */
function clientOf(answer: (url: URL) => Response, token?: () => string | undefined) {
  const sent: string[] = [];
  const shop = createClient('https://shop.example', {
    token,
    fetch: async (input, init) => {
      const url = new URL(input);
      const authorization = new Headers(init?.headers).get('Authorization');
      sent.push(`${init?.method} ${url.pathname}${url.search}${authorization === null ? '' : ` ${authorization}`}`);
      return answer(url);
    },
  });
  return { shop, sent };
}

const refusal = (problem: object, headers: Record<string, string> = {}) =>
  Response.json(problem, { status: 429, headers: { 'Content-Type': 'application/problem+json', ...headers } });

describe('createClient', () => {
  test('token › as a function › is asked for each request', async () => {
    let token: string | undefined;
    const { shop, sent } = clientOf(
      () => Response.json({}),
      () => token,
    );
    await shop.api.orders.$get();
    token = 'mine';
    await shop.api.orders[':id'].$get({ param: { id: '1' } });
    expect(sent).toEqual(['GET /api/orders', 'GET /api/orders/1 Bearer mine']);
  });

  test('a query › with numbers, flags and what is undefined › is written as the shop reads it', async () => {
    const { shop, sent } = clientOf(() => Response.json({}));
    await shop.api.products.$get({ query: { limit: 5, inStock: true, q: undefined, sort: '-name' } });
    expect(sent).toEqual(['GET /api/products?limit=5&inStock=true&sort=-name']);
  });
});

describe('unwrap', () => {
  test('a refusal › is thrown, with its problem and how long to wait', async () => {
    const problem = { code: 'rate_limited', title: 'Too many attempts', detail: 'Wait.' };
    const { shop } = clientOf(() => refusal(problem, { 'Retry-After': '900' }));
    const error = await unwrap(shop.api.orders.$get()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ShopError);
    expect(error).toMatchObject({ message: 'Too many attempts: Wait.', problem, retryAfterMs: 900_000 });
  });

  test("a proxy's page › is another error, with the response", async () => {
    const { shop } = clientOf(() => new Response('<h1>Bad gateway</h1>', { status: 502 }));
    const error = await unwrap(shop.api.orders.$get()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(ShopError);
    expect((error as Error).cause).toMatchObject({ status: 502 });
  });

  test('text and nothing › are what they are', async () => {
    const csv = clientOf(() => new Response('id\r\n', { headers: { 'Content-Type': 'text/csv' } })).shop;
    expect(await unwrap(csv.api.exports.products.$get({ query: { format: 'csv' } }))).toBe('id\r\n');
    const gone = clientOf(() => new Response(null, { status: 204 })).shop;
    expect(await unwrap(gone.api.orders[':id'].$delete({ param: { id: '1' } }))).toBeUndefined();
  });
});

describe('paginate', () => {
  /** A list of pages of one item each. */
  const listOf = (total: number, cursor: (page: number) => string | null) =>
    clientOf((url) => {
      const page = Number(url.searchParams.get('page') ?? url.searchParams.get('cursor') ?? 1);
      const data = page <= total ? [{ name: `${page}` }] : [];
      return Response.json({ data, pagination: { page, totalPages: total, nextCursor: cursor(page) } });
    });

  async function namesOf({ shop }: ReturnType<typeof clientOf>): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of paginate((page) => shop.api.products.$get({ query: page }))) names.push(name);
    return names;
  }

  test('a list with cursors › is walked by them, to the one that is null', async () => {
    // An estimate may say that there are more pages than there are.
    const list = listOf(9, (page) => (page < 3 ? String(page + 1) : null));
    expect(await namesOf(list)).toEqual(['1', '2', '3']);
    expect(list.sent.at(-1)).toBe('GET /api/products?cursor=3');
  });

  test('the best matches of a search › are walked by page', async () => {
    const list = listOf(3, () => null);
    expect(await namesOf(list)).toEqual(['1', '2', '3']);
    expect(list.sent.at(-1)).toBe('GET /api/products?page=3');
  });

  test('an empty list › has no items', async () => {
    expect(await namesOf(listOf(0, () => null))).toEqual([]);
  });
});
