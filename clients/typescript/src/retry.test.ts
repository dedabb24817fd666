import { describe, expect, test } from 'bun:test';
import { type Send, withRetries } from './retry.ts';

const shop = 'https://shop.example';
const limits = { retriesMax: 2, waitMsMax: 1_000 };

const refusal =
  (status: number, retryAfter = '0') =>
  () =>
    new Response(null, { status, headers: { 'Retry-After': retryAfter } });
const lost = () => {
  throw new TypeError('fetch failed');
};
const running = () =>
  new Response('{"code":"idempotency_in_progress"}', { status: 409, headers: { 'Retry-After': '0' } });

/** Sends a request whose attempts meet these answers in turn, and 200 thereafter. */
async function attempt(method: string, path: string, answers: (() => Response)[], init: RequestInit = {}) {
  const keys: (string | null)[] = [];
  const send: Send = async (_input, sent) => {
    keys.push(new Headers(sent?.headers).get('Idempotency-Key'));
    return answers[keys.length - 1]?.() ?? new Response('done');
  };
  const outcome = await withRetries(send, limits)(shop + path, { ...init, method }).then(
    ({ status }) => status,
    (error: Error) => error.name,
  );
  return { outcome, attempts: keys.length, keys };
}

describe('withRetries', () => {
  test.each([
    ['GET', '/api/orders'],
    ['PUT', '/api/products/1'],
    ['DELETE', '/api/orders/1'],
    ['POST', '/api/orders'],
    ['POST', '/api/stock-changes'],
    ['POST', '/prefix/api/products/batch'],
  ])('%s %s › when the shop is out of reach, or the answer is lost › is sent again', async (method, path) => {
    expect(await attempt(method, path, [refusal(503), lost])).toMatchObject({ outcome: 200, attempts: 3 });
  });

  test.each([
    ['POST', '/api/auth/login'],
    ['PATCH', '/api/orders/cancel/1'],
  ])('%s %s › whose repeat might do more › is sent again only when nothing was done', async (method, path) => {
    expect(await attempt(method, path, [refusal(503)])).toMatchObject({ outcome: 503, attempts: 1 });
    expect(await attempt(method, path, [lost])).toMatchObject({ outcome: 'TypeError', attempts: 1 });
    expect(await attempt(method, path, [refusal(429)])).toMatchObject({ outcome: 200, attempts: 2 });
  });

  test('an order › has one key of its own for all attempts', async () => {
    const { keys } = await attempt('POST', '/api/orders', [lost, running]);
    expect(keys).toEqual(Array(3).fill(expect.stringMatching(/^[\da-f]{32}$/)));
    expect(new Set(keys).size).toBe(1);
    const other = await attempt('POST', '/api/orders', []);
    expect(other.keys[0]).not.toBe(keys[0] ?? '');
  });

  test('an order › with a key › keeps it', async () => {
    const init = { headers: { 'Idempotency-Key': 'mine' } };
    expect((await attempt('POST', '/api/orders', [], init)).keys).toEqual(['mine']);
  });

  test('another refusal › is the answer', async () => {
    const short = () => new Response('{"code":"insufficient_stock"}', { status: 409 });
    expect(await attempt('POST', '/api/orders', [short])).toMatchObject({ outcome: 409, attempts: 1 });
    expect(await attempt('GET', '/api/orders', [refusal(500)])).toMatchObject({ outcome: 500, attempts: 1 });
  });

  test('refusals without end › end with the last', async () => {
    const answers = Array(9).fill(refusal(503));
    expect(await attempt('GET', '/api/orders', answers)).toMatchObject({ outcome: 503, attempts: 3 });
    expect(await attempt('GET', '/api/orders', Array(9).fill(lost))).toMatchObject({
      outcome: 'TypeError',
      attempts: 3,
    });
  });

  test('Retry-After › in seconds or as a date › is waited for', async () => {
    const startedMs = Date.now();
    await attempt('GET', '/api/orders', [refusal(503, '1')]);
    expect(Date.now() - startedMs).toBeGreaterThanOrEqual(999);
    const past = new Date(Date.now() - 60_000).toUTCString();
    expect(await attempt('GET', '/api/orders', [refusal(503, past)])).toMatchObject({ outcome: 200 });
  });

  test('Retry-After › longer than may be waited for › is left to the caller', async () => {
    expect(await attempt('GET', '/api/orders', [refusal(429, '900')])).toMatchObject({ outcome: 429, attempts: 1 });
    const nextHour = new Date(Date.now() + 3_600_000).toUTCString();
    expect(await attempt('GET', '/api/orders', [refusal(503, nextHour)])).toMatchObject({ outcome: 503, attempts: 1 });
  });

  test('a signal › while it waits › ends it at once', async () => {
    const init = { signal: AbortSignal.timeout(50) };
    const startedMs = Date.now();
    expect(await attempt('GET', '/api/orders', [refusal(503, '1')], init)).toMatchObject({
      outcome: 'TimeoutError',
      attempts: 1,
    });
    expect(Date.now() - startedMs).toBeLessThan(900);
  });
});
