import { afterEach, describe, expect, setSystemTime, test } from 'bun:test';
import { Hono } from 'hono';
import { requestId } from 'hono/request-id';
import { createCache } from '../cache/cache.ts';
import { createMemoryStore } from '../cache/memory-store.ts';
import type { AppEnv } from './env.ts';
import { responseCache } from './response-cache.ts';

const ttlMs = 60_000;

/** An app with one cached list, its length in characters after the `?`, and what has come as far as its route. */
function openApp() {
  const cache = createCache({
    store: createMemoryStore(100_000_000),
    ttlMs,
    onOutcome: () => {},
    onError: () => {},
  });
  const state = { reached: 0, text: 'x', open: true, routes: [] as string[] };
  const app = new Hono<AppEnv>();
  app.use(requestId());
  app.use(async (c, next) => {
    c.set('logFields', {});
    await next();
    state.routes.push(c.req.routePath);
  });
  app.use(responseCache(cache, () => state.open));
  app.get('/api/products', async (c) => {
    state.reached += 1;
    const length = Number(new URL(c.req.url).search.slice(1)) || 1;
    const { body, etag, outcome, kept } = await cache.read('products', c.req.url, async () =>
      state.text.repeat(length),
    );
    if (kept) c.set('kept', { group: 'products', ...kept });
    c.header('ETag', `W/${etag}`);
    c.header('X-Cache', outcome);
    return c.body(body, 200, { 'Content-Type': 'application/json' });
  });
  async function get(headers: Record<string, string> = {}, search = '', method = 'GET') {
    const response = await app.fetch(new Request(`http://shop/api/products${search}`, { method, headers }));
    return { status: response.status, body: await response.text(), headers: response.headers };
  }
  return { cache, state, get };
}

describe('responseCache', () => {
  afterEach(() => {
    setSystemTime();
  });

  describe('when a list is asked for again', () => {
    test('gives the same answer without asking the route, under an id of its own, and names its route', async () => {
      const { state, get } = openApp();
      const first = await get();
      const [second, third] = [await get(), await get({ 'X-Request-Id': 'mine' })];
      expect(state.reached).toBe(1);
      expect([first, second, third].map(({ headers }) => headers.get('X-Cache'))).toEqual(['MISS', 'HIT', 'HIT']);
      const shared = ({ headers }: typeof first) => ({ ...headers.toJSON(), 'x-request-id': '', 'x-cache': '' });
      expect(shared(second)).toEqual(shared(first));
      expect(second.body).toBe(first.body);
      expect(new Set([first, second].map(({ headers }) => headers.get('X-Request-Id'))).size).toBe(2);
      expect(third.headers.get('X-Request-Id')).toBe('mine');
      expect(state.routes).toEqual(Array(3).fill('/api/products'));
    });

    test('answers 304 to its tag, with the tag and nothing about a body', async () => {
      const { state, get } = openApp();
      const { headers } = await get();
      const answer = await get({ 'If-None-Match': headers.get('ETag') ?? '' });
      expect({ reached: state.reached, status: answer.status, body: answer.body }).toEqual({
        reached: 1,
        status: 304,
        body: '',
      });
      expect(answer.headers.get('ETag')).toBe(headers.get('ETag'));
      expect(answer.headers.get('Content-Type')).toBeNull();
      expect((await get({ 'If-None-Match': '"another"' })).status).toBe(200);
    });

    test('keeps lists, encodings and origins apart', async () => {
      const { state, get } = openApp();
      await get({}, '?1');
      expect((await get({}, '?2')).body).toBe('xx');
      await get({ 'Accept-Encoding': 'gzip' }, '?2');
      await get({ Origin: 'https://shop.example' }, '?2');
      expect(state.reached).toBe(4);
    });
  });

  describe('when something has been written', () => {
    test('asks the route', async () => {
      const { cache, state, get } = openApp();
      await get();
      state.text = 'new';
      await cache.invalidate('products');
      expect((await get()).body).toBe('new');
      expect((await get()).body).toBe('new');
      expect(state.reached).toBe(2);
    });
  });

  describe('when the time to live is over', () => {
    test('asks the route', async () => {
      const { state, get } = openApp();
      await get();
      state.text = 'new';
      setSystemTime(new Date(Date.now() + ttlMs + 1));
      expect((await get()).body).toBe('new');
    });
  });

  describe('when a kept answer is not for this request', () => {
    test('asks the route for a signed-in caller', async () => {
      const { state, get } = openApp();
      await get();
      await get({ Authorization: 'Bearer x' });
      await get({ Authorization: '' });
      expect(state.reached).toBe(3);
    });

    test('keeps nothing of an answer to a signed-in caller', async () => {
      const { state, get } = openApp();
      await get({ Authorization: 'Bearer x' });
      await get();
      expect(state.reached).toBe(2);
    });

    test('leaves it to what follows to refuse while the shop answers no reads', async () => {
      const { state, get } = openApp();
      await get();
      state.open = false;
      await get();
      expect(state.reached).toBe(2);
    });
  });

  describe('when there are more lists than it may keep', () => {
    test('forgets the oldest', async () => {
      const { state, get } = openApp();
      const tooMuch = ['?6000000', '?6000001', '?6000002'];
      for (const search of tooMuch) await get({}, search);
      await get({}, '?6000002');
      expect(state.reached).toBe(3);
      await get({}, '?6000000');
      expect(state.reached).toBe(4);
    });
  });
});
