import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { scrape } from './support/metrics.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually, pause } from './support/wait.ts';

const sockets = 120;
const megabytesMax = 60;
const quietMs = 1_500;
const cpuSecondsMax = 0.5;

let shop: Shop;
beforeAll(async () => {
  shop = await startShop({ apis: 1, workers: 0 });
});
afterAll(() => shop.stop());

/** Megabytes that the API has in memory. */
function memory(): number {
  const status = readFileSync(`/proc/${shop.api(0).pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024;
}

/** Asks for a path and reads nothing of the answer. */
function askAndLeave(path: string, acceptEncoding: string): Promise<Socket> {
  const socket = connect(Number(new URL(shop.api(0).url).port), '127.0.0.1');
  socket.pause();
  // The server may end it, and so do we.
  socket.on('error', () => {});
  const request = `GET ${path} HTTP/1.1\r\nHost: shop\r\nAccept-Encoding: ${acceptEncoding}\r\n\r\n`;
  return new Promise((resolve) => socket.write(request, () => resolve(socket)));
}

const answered = async () =>
  (await scrape(shop.api(0).url)).labels('http_requests_total').length > 0 &&
  (await scrape(shop.api(0).url)).value('http_requests_total', { method: 'GET', status: '200' });

const bodies = [
  ['/docs/scalar.js', 'identity'],
  ['/docs/scalar.js', 'gzip'],
  ['/docs/scalar.js', 'deflate'],
  ['/openapi.json', 'identity'],
  ['/openapi.json', 'gzip'],
] as const;

describe.each(bodies)('GET %s as %s', (path, encoding) => {
  const ask = (method: string) =>
    fetch(shop.api(0).url + path, { method, headers: { 'Accept-Encoding': encoding }, decompress: false });

  test('when many ask who never read › costs next to no memory', async () => {
    await (await ask('GET')).arrayBuffer();
    const [before, answeredBefore] = [memory(), (await answered()) || 0];
    const opened = await Promise.all(Array.from({ length: sockets }, () => askAndLeave(path, encoding)));
    try {
      await eventually(async () => ((await answered()) || 0) >= answeredBefore + sockets, { withinMs: 20_000 });
      await pause(quietMs);
      expect(memory() - before).toBeLessThan(megabytesMax);
    } finally {
      for (const socket of opened) socket.destroy();
    }
  });

  test('when it is read › is whole, in a form that was asked for, and HEAD tells its length', async () => {
    const [whole, plain] = [await ask('GET'), await fetch(shop.api(0).url + path)];
    const body = new Uint8Array(await whole.arrayBuffer());
    expect(whole.headers.get('Content-Encoding')).toBe(encoding === 'gzip' ? 'gzip' : null);
    const text = new TextDecoder().decode(encoding === 'gzip' ? gunzipSync(body) : body);
    expect(text === (await plain.text())).toBeTrue();
    const head = await ask('HEAD');
    expect(head.headers.get('Content-Length')).toBe(String(body.byteLength));
    expect(head.headers.get('Content-Encoding')).toBe(whole.headers.get('Content-Encoding'));
  });

  test('when it is asked for often › costs next to no processor time', async () => {
    const cpuSeconds = async () => (await scrape(shop.api(0).url)).value('process_cpu_seconds_total') ?? 0;
    const before = await cpuSeconds();
    for (let time = 0; time < 100; time += 1) await ask('HEAD');
    expect((await cpuSeconds()) - before).toBeLessThan(cpuSecondsMax);
  });
});

test('GET /docs/scalar.js › when gzip is refused or anything taken › is sent so', async () => {
  for (const [accept, encoding] of [
    ['gzip;q=0', null],
    ['*', 'gzip'],
    ['br, gzip;q=0.5', 'gzip'],
    ['gzip;q=0, *', null],
  ] as const) {
    const headers = { 'Accept-Encoding': accept };
    const answer = await fetch(`${shop.api(0).url}/docs/scalar.js`, { method: 'HEAD', headers });
    expect([accept, answer.headers.get('Content-Encoding')]).toEqual([accept, encoding]);
  }
});
