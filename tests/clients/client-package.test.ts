import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../standalone/ports.ts';
import { createProduct, signInAdmin } from '../support/client.ts';
import { installedProgram } from '../support/programs.ts';
import { type Shop, startShop } from '../support/shop.ts';
import { run } from './programs.ts';

const root = join(import.meta.dir, '../..');
const packages = join(import.meta.dir, 'node_modules');
const sources = join(import.meta.dir, 'client-package');
const honos = ['4.6', '4.7', '4.8', '4.9', '4.10', '4.11', '4.12', '4.13'];
const names = ['Blue', 'Green', 'Red', 'White', 'Yellow'];
/** Half a minute of one processor, beside all that others may do. */
const compileMsMax = 300_000;
/** With Hono's part, as a browser loads it. */
const gzippedBytesMax = 4_096;

let shop: Shop;
let directory: string;
let pageUrl: string;
let tag: string;
/** A project for each version of Hono, with the package as `npm pack` makes it. */
const projectOf = (hono: string) => join(directory, hono);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'shop-client-'));
  const packing = run(['npm', 'pack', '--pack-destination', directory, join(root, 'clients/typescript')], directory);
  const port = await freePort();
  pageUrl = `http://localhost:${port}`;
  [shop] = await Promise.all([startShop({ workers: 0, env: { CORS_ORIGINS: pageUrl } }), packing]);
  expect((await packing).exitCode, (await packing).output).toBe(0);
  const [archive = ''] = readdirSync(directory).filter((file) => file.endsWith('.tgz'));
  for (const hono of honos) {
    const modules = join(projectOf(hono), 'node_modules');
    mkdirSync(join(modules, '@shop'), { recursive: true });
    await run(['tar', '-xzf', join(directory, archive)], modules);
    cpSync(join(modules, 'package'), join(modules, '@shop/client'), { recursive: true });
    symlinkSync(join(packages, `hono-${hono}`), join(modules, 'hono'));
    cpSync(sources, projectOf(hono), { recursive: true });
    await Bun.write(join(projectOf(hono), 'package.json'), '{ "type": "module" }');
  }
  tag = randomUUID();
  const adminToken = await signInAdmin(shop.url);
  for (const name of names) await createProduct(shop.url, adminToken, { name: `${name} mug ${tag}`, tags: [tag] });
});

afterAll(async () => {
  await shop.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Bundles what a page loads, for browsers. */
async function bundle(entry: string): Promise<string> {
  const { outputs } = await Bun.build({ entrypoints: [entry], target: 'browser', minify: true });
  return (await outputs[0]?.text()) ?? '';
}

/**
 * A proxy before the shop. The first order passes, but its answer is lost; the second attempt is refused for a second.
 * `keys` are those of all attempts.
 */
async function startUnsteadyProxy() {
  const keys: (string | undefined)[] = [];
  const server = createServer(async (request, response) => {
    const { method = 'GET', url = '/' } = request;
    const given = Object.entries(request.headers).flatMap(([name, value]) =>
      typeof value === 'string' && !['host', 'connection', 'content-length'].includes(name) ? [[name, value]] : [],
    );
    const headers: Record<string, string> = Object.fromEntries(given);
    if (method === 'POST') keys.push(headers['idempotency-key']);
    if (method === 'POST' && keys.length === 2) {
      const exposed = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': 'Retry-After' };
      response.writeHead(503, { ...exposed, 'Retry-After': '1', Connection: 'close' }).end();
      return;
    }
    const body = method === 'POST' ? Buffer.concat(await Array.fromAsync(request)) : undefined;
    const answer = await fetch(shop.url + url, { method, headers, ...(body && { body }) });
    if (method === 'POST' && keys.length === 1) {
      request.socket.destroy();
      return;
    }
    const bytes = await answer.bytes();
    // Programs try again by themselves on a connection that they keep.
    response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), Connection: 'close' }).end(bytes);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${port}`, keys, stop: () => server.close() };
}

/** Opens the page of a project in Chromium. */
async function browse(directory: string, query: URLSearchParams) {
  const script = await bundle(join(directory, 'page.js'));
  const routes = {
    '/': new Response('<!doctype html><script type="module" src="/page.js"></script>', {
      headers: { 'Content-Type': 'text/html' },
    }),
    '/page.js': new Response(script, { headers: { 'Content-Type': 'text/javascript' } }),
  };
  const pages = Bun.serve({ port: Number(new URL(pageUrl).port), hostname: '127.0.0.1', routes });
  const chromium = Bun.which('google-chrome') ?? (await installedProgram('chromium', 'chromium'));
  const played = await run(['node', join(sources, 'browser.js'), chromium, `${pageUrl}/?${query}`], directory);
  await pages.stop(true);
  return played;
}

type Played = { directory: string; args: [url: string, unsteadyUrl: string, tag: string] };
const deno = join(root, 'node_modules/.bin/deno');

const runtimes: Record<string, (played: Played) => ReturnType<typeof run>> = {
  'Node.js': ({ directory, args }) => run(['node', 'main.js', ...args], directory),
  Bun: ({ directory, args }) => run([process.execPath, 'main.js', ...args], directory),
  Deno: ({ directory, args }) => run([deno, 'run', '-A', '--node-modules-dir=manual', 'main.js', ...args], directory),
  Chromium: ({ directory, args: [url, unsteadyUrl, tag] }) =>
    browse(directory, new URLSearchParams({ url, unsteadyUrl, tag })),
};

describe('the client package', () => {
  test.concurrent.each([
    ['Node.js', '4.6'],
    ['Bun', '4.13'],
    ['Deno', '4.13'],
    ['Chromium', '4.13'],
  ])('on %s with Hono %s › buys, is refused, walks lists, and is answered once', async (runtime, hono) => {
    const proxy = await startUnsteadyProxy();
    const played = await runtimes[runtime]?.({ directory: projectOf(hono), args: [shop.url, proxy.url, tag] });
    proxy.stop();
    expect(played?.exitCode, played?.output).toBe(0);
    const { repeatedMs, wantedId, ...rest } = JSON.parse(played?.output ?? '');
    expect(rest).toEqual({
      names: names.map((name) => `${name} mug ${tag}`),
      found: names.length,
      order: { isOwn: true, status: 'pending' },
      refused: {
        isShopError: true,
        code: 'insufficient_stock',
        errors: [{ productId: wantedId, requested: 999, available: expect.any(Number) }],
      },
      cancelled: 'cancelled',
      orders: 2,
      newestIsRepeated: true,
      left: true,
      signedOut: 'unauthenticated',
    });
    expect(repeatedMs).toBeGreaterThanOrEqual(1_000);
    expect(proxy.keys).toEqual(Array(3).fill(expect.stringMatching(/^[\da-f]{32}$/)));
    expect(new Set(proxy.keys).size).toBe(1);
  });

  test.concurrent(
    'its types › under every version of Hono that it names › are what a front end can rely on',
    async () => {
      const compilerOptions = {
        ...{ target: 'ES2022', module: 'NodeNext', lib: ['ES2022', 'DOM', 'DOM.Iterable'], types: [], noEmit: true },
        ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
      };
      const files = honos.map((hono) => `${hono}/use.ts`);
      await Bun.write(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
      expect(await run([join(packages, '.bin/tsc'), '-p', '.'], directory)).toEqual({ exitCode: 0, output: '' });
    },
    compileMsMax,
  );

  test('what it weighs in a page › with its part of Hono › is little', async () => {
    const entry = join(projectOf('4.13'), 'everything.js');
    await Bun.write(entry, "export * from '@shop/client';");
    const bytes = Bun.gzipSync(await bundle(entry)).byteLength;
    console.log(`The client package weighs ${bytes} bytes in a page, gzipped, its part of Hono included.`);
    expect(bytes).toBeLessThan(gzippedBytesMax);
  });

  test('what is packed › is what runs, and nothing of the server', () => {
    const packed = readdirSync(join(projectOf('4.13'), 'node_modules/@shop/client'), { recursive: true });
    const modules = ['api', 'endpoint', 'index', 'retry'].flatMap((name) => [`dist/${name}.d.ts`, `dist/${name}.js`]);
    expect(packed.map(String).sort()).toEqual(['LICENSE', 'README.md', 'dist', ...modules, 'package.json'].sort());
    const licence = join(projectOf('4.13'), 'node_modules/@shop/client/LICENSE');
    expect(readFileSync(licence, 'utf8')).toBe(readFileSync(join(root, 'LICENSE'), 'utf8'));
  });
});

test('README.md › a front end in four commands › is there', async () => {
  const [, text = ''] = readFileSync(join(root, 'README.md'), 'utf8').split('\n## A front end\n');
  const [, commands = ''] = text.split('```sh\n');
  const [session = ''] = commands.split('```');
  const project = join(directory, 'empty');
  mkdirSync(project);
  const script = session
    .replace('../shop/', `${root}/`)
    // Without the network: Hono is here.
    .replace('.tgz\n', `.tgz ${join(packages, 'hono-4.13')}\n`)
    .replace('http://127.0.0.1:3000', shop.url);
  const { exitCode, output } = await run(['sh', '-euc', script], project);
  expect(exitCode, output).toBe(0);
  expect(output).toMatch(/\nOrder [\w-]+ is pending: .+, twice\.\n/);
});
