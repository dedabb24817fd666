// What `npm run test:image` holds deploy/compose/haproxy.cfg to. Needs haproxy.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProduct, registerCustomer, request, signInAdmin } from '../support/client.ts';
import { readSource } from '../support/declared.ts';
import { freePort } from '../support/ports.ts';
import { type Shop, startShop } from '../support/shop.ts';
import { type Started, spawnLogged } from '../support/smoke.ts';
import { eventually } from '../support/wait.ts';

const crowd = 8;

/** The proxy of compose.yaml, with these APIs where Compose's names would lead. */
async function startProxy(apis: string[]): Promise<Started & { url: string }> {
  const port = await freePort();
  const servers = apis.map((url, index) => `  server api${index} ${new URL(url).host}`).join('\n');
  const settings = readSource('deploy/compose/haproxy.cfg')
    .replace('bind :3000', `bind 127.0.0.1:${port}`)
    .replace(' resolvers docker', '')
    .replace(/^ {2}server-template .*$/gm, servers);
  const file = join(tmpdir(), `haproxy-${randomUUID()}.cfg`);
  await Bun.write(file, settings);
  const proxy = spawnLogged(['haproxy', '-db', '-f', file], 'haproxy', {});
  return { ...proxy, url: `http://127.0.0.1:${port}` };
}

describe('the proxy of compose.yaml', () => {
  let shop: Shop;
  let proxy: Awaited<ReturnType<typeof startProxy>>;

  beforeAll(async () => {
    shop = await startShop({ apis: 4, workers: 0, env: { TRUST_PROXY: '1' } });
    proxy = await startProxy([0, 1, 2, 3].map((index) => shop.api(index).url));
    await eventually(async () => (await fetch(`${proxy.url}/healthz`)).ok);
  });

  afterAll(async () => {
    proxy.kill();
    await shop.stop();
  });

  test('APIs › when half of them are stopped under load › leave no request without its answer', async () => {
    const { id: productId } = await createProduct(shop.url, await signInAdmin(shop.url), { stock: 1_000_000 });
    const { token } = await registerCustomer(shop.url);
    const body = { items: [{ productId, quantity: 1 }] };
    const answered = { 200: 0, 201: 0 } as Record<number, number>;
    let stopped = false;
    async function shopOn(): Promise<void> {
      while (!stopped) {
        for (const { status } of [
          await request(proxy.url, 'GET', '/api/products'),
          await request(proxy.url, 'POST', '/api/orders', {
            token,
            body,
            headers: { 'Idempotency-Key': randomUUID() },
          }),
        ]) {
          answered[status] = (answered[status] ?? 0) + 1;
        }
      }
    }
    const clients = Promise.all(Array.from({ length: crowd }, shopOn));
    for (const index of [0, 1]) {
      const before = answered[201] ?? 0;
      await eventually(() => (answered[201] ?? 0) > before + 50);
      expect(await shop.api(index).stop()).toBe(0);
    }
    const before = answered[201] ?? 0;
    await eventually(() => (answered[201] ?? 0) > before + 50);
    stopped = true;
    await clients;
    expect(Object.keys(answered)).toEqual(['200', '201']);
    const [row] = await shop.db`select count(*)::int as orders from orders`;
    expect(row?.orders).toBe(answered[201]);
  });

  test('GET /metrics and /readyz › from outside › are not there', async () => {
    expect((await request(proxy.url, 'GET', '/metrics')).status).toBe(404);
    expect((await request(proxy.url, 'GET', '/readyz')).status).toBe(404);
  });

  test('GET /api/products › when no API is left › is refused in the shape of the API', async () => {
    await Promise.all([2, 3].map((index) => shop.api(index).stop()));
    const { status, headers, body } = await request(proxy.url, 'GET', '/api/products');
    expect({ status, body }).toMatchObject({ status: 503, body: { status: 503, code: 'unavailable' } });
    expect(headers.get('Content-Type')).toBe('application/problem+json');
    expect(headers.get('Retry-After')).toBe('1');
  });
});
