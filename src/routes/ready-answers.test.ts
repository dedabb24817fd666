import { afterEach, describe, expect, setSystemTime, test } from 'bun:test';
import { pino } from 'pino';
import { Counter, Histogram, Registry } from 'prom-client';
import { createCache } from '../cache/cache.ts';
import { createMemoryStore } from '../cache/memory-store.ts';
import { withReadyAnswers } from './ready-answers.ts';

const ttlMs = 60_000;

/** An app with one cached list at every address, its length in characters after the `?`, behind ready answers. */
function openApp() {
  const cache = createCache({
    store: createMemoryStore(100_000_000),
    ttlMs,
    onOutcome: () => {},
    onError: () => {},
  });
  const metrics = new Registry();
  const labelNames = ['method', 'route', 'status', 'ok'];
  new Histogram({ name: 'http_request_duration_seconds', help: 'durations', labelNames, registers: [metrics] });
  const requests = new Counter({ name: 'http_requests_total', help: 'requests', labelNames, registers: [metrics] });
  const state = { passed: 0, text: 'x', draining: false };
  const fetch = withReadyAnswers(
    async (request, env) => {
      state.passed += 1;
      const length = Number(new URL(request.url).search.slice(1)) || 1;
      const { body, etag, outcome, kept } = await cache.read('products', request.url, async () =>
        state.text.repeat(length),
      );
      if (kept) env.onKept?.({ group: 'products', route: '/api/products', ...kept });
      return new Response(body, { headers: { ETag: etag, 'X-Cache': outcome, 'X-Request-Id': 'passed' } });
    },
    { cache, log: pino({ level: 'silent' }), metrics },
    () => state.draining,
  );
  async function get(headers: Record<string, string> = {}, search = '', method = 'GET') {
    const response = await fetch(new Request(`http://shop/api/products${search}`, { method, headers }), {});
    return { body: await response.text(), headers: response.headers };
  }
  return { cache, state, requests, get };
}

describe('withReadyAnswers', () => {
  afterEach(() => {
    setSystemTime();
  });

  describe('when a list is asked for again', () => {
    test('gives the same answer without asking the app, under an id of its own', async () => {
      const { state, get, requests } = openApp();
      const first = await get();
      const [second, third] = [await get(), await get()];
      expect(state.passed).toBe(1);
      expect([first.headers.get('X-Cache'), second.headers.get('X-Cache')]).toEqual(['MISS', 'HIT']);
      expect({ ...second.headers.toJSON(), 'x-request-id': '', 'x-cache': '' }).toEqual({
        ...first.headers.toJSON(),
        'x-request-id': '',
        'x-cache': '',
      });
      expect(second.body).toBe(first.body);
      expect(new Set([first, second, third].map(({ headers }) => headers.get('X-Request-Id'))).size).toBe(3);
      const [counted] = (await requests.get()).values;
      expect(counted).toMatchObject({ value: 2, labels: { method: 'GET', route: '/api/products', status: '200' } });
    });

    test('keeps lists and encodings apart', async () => {
      const { state, get } = openApp();
      await get({}, '?1');
      expect((await get({}, '?2')).body).toBe('xx');
      await get({ 'Accept-Encoding': 'gzip' }, '?2');
      expect(state.passed).toBe(3);
    });
  });

  describe('when something has been written', () => {
    test('asks the app', async () => {
      const { cache, state, get } = openApp();
      await get();
      state.text = 'new';
      await cache.invalidate('products');
      expect((await get()).body).toBe('new');
      expect((await get()).body).toBe('new');
      expect(state.passed).toBe(2);
    });
  });

  describe('when the time to live is over', () => {
    test('asks the app', async () => {
      const { state, get } = openApp();
      await get();
      state.text = 'new';
      setSystemTime(new Date(Date.now() + ttlMs + 1));
      expect((await get()).body).toBe('new');
    });
  });

  describe('when the answer may be another one', () => {
    test.each([
      ['for an account', { Authorization: 'Bearer x' }],
      ['for a page elsewhere', { Origin: 'https://shop.example' }],
      ['for whoever has it already', { 'If-None-Match': '"x"' }],
      ['under the caller’s id', { 'X-Request-Id': 'mine' }],
    ])('asks the app %s', async (_whose, headers: Record<string, string>) => {
      const { state, get } = openApp();
      await get();
      await get(headers);
      await get({}, '', 'HEAD');
      expect(state.passed).toBe(3);
    });

    test('asks the app once the process is about to end', async () => {
      const { state, get } = openApp();
      await get();
      state.draining = true;
      await get();
      expect(state.passed).toBe(2);
    });
  });

  describe('when there are more lists than it may keep', () => {
    test('forgets the oldest', async () => {
      const { state, get } = openApp();
      const tooMuch = ['?6000000', '?6000001', '?6000002'];
      for (const search of tooMuch) await get({}, search);
      await get({}, '?6000002');
      expect(state.passed).toBe(3);
      await get({}, '?6000000');
      expect(state.passed).toBe(4);
    });
  });
});
