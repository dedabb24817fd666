import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createSecureServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installedProgram } from '../../tests/support/programs.ts';
import { type Receiver, startReceiver } from '../../tests/support/receiver.ts';
import type { Resolve } from '../lib/web-targets.ts';
import { createPost } from './webhook-post.ts';

let receiver: Receiver;
const post = createPost({ targets: 'any' });
const limitMs = 5_000;

beforeAll(async () => {
  receiver = await startReceiver();
});

afterAll(() => receiver.stop());

/** A server that says the same whatever it is sent, bytes and all. */
async function startRaw(say: (socket: Socket) => void): Promise<{ url: string; server: Server }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => say(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`, server };
}

describe('a post', () => {
  describe('when it is taken', () => {
    test('carries headers and body as they are', async () => {
      const answer = await post(`${receiver.url}/hook?a=b`, { 'webhook-id': 'x' }, '{"ü":1}', limitMs);
      expect(answer).toMatchObject({ status: 204, body: '' });
      const [event] = receiver.events.splice(0);
      expect(event).toMatchObject({ path: '/hook?a=b', body: '{"ü":1}' });
      expect(event?.headers).toMatchObject({ 'webhook-id': 'x', 'content-type': 'application/json' });
      expect(event?.headers.host).toBe(new URL(receiver.url).host);
    });
  });

  describe('when the answer leads elsewhere', () => {
    test.each([301, 302, 303, 307, 308])('does not follow a %d', async (status) => {
      receiver.become({ status, headers: { Location: `${receiver.url}/elsewhere` } });
      expect(await post(`${receiver.url}/hook`, {}, '{}', limitMs)).toMatchObject({ status });
      expect(receiver.events.splice(0).map(({ path }) => path)).toEqual(['/hook']);
    });
  });

  describe('when an environment names a proxy', () => {
    test('does not ask it', async () => {
      receiver.become(204);
      const script = `
        import { createPost } from ${JSON.stringify(`${import.meta.dir}/webhook-post.ts`)};
        const { status } = await createPost({ targets: 'any' })('http://127.0.0.1:1/', {}, '{}', 3000).catch(() => ({ status: 0 }));
        console.log(status);
        process.exit(0);`;
      const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
      const child = Bun.spawn([process.execPath, '-e', script], {
        env: { ...Object.fromEntries(names.map((name) => [name, receiver.url])), NO_PROXY: '' },
        stderr: 'inherit',
      });
      expect((await new Response(child.stdout).text()).trim()).toBe('0');
      expect(receiver.events).toHaveLength(0);
    });
  });

  describe('when its certificate does not hold', () => {
    test('sends nothing, whatever the environment says of certificates', async () => {
      const place = mkdtempSync(join(tmpdir(), 'shop-post-'));
      const openssl = await installedProgram('openssl', 'openssl');
      const made = Bun.spawnSync(
        [
          openssl,
          'req',
          '-x509',
          '-newkey',
          'rsa:2048',
          '-nodes',
          '-keyout',
          'key',
          '-out',
          'cert',
          '-days',
          '2',
        ].concat(['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']),
        { cwd: place },
      );
      expect(made.exitCode).toBe(0);
      const bodies: string[] = [];
      const server = createSecureServer(
        { key: readFileSync(join(place, 'key')), cert: readFileSync(join(place, 'cert')) },
        (request, response) => {
          request.on('data', (part) => bodies.push(String(part)));
          request.on('end', () => response.end());
        },
      );
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      const url = `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`;
      for (const spelling of [url, url.replace('https', 'HTTPS')]) {
        await expect(post(spelling, {}, '{}', limitMs)).rejects.toThrow(/certificate|self.signed/i);
      }
      const script = `
        import { createPost } from ${JSON.stringify(`${import.meta.dir}/webhook-post.ts`)};
        const { status } = await createPost({ targets: 'any' })('${url}', {}, '{}', 3000).catch(() => ({ status: 0 }));
        console.log(status);
        process.exit(0);`;
      const child = Bun.spawn([process.execPath, '-e', script], { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } });
      expect((await new Response(child.stdout).text()).trim()).toBe('0');
      expect(bodies).toEqual([]);
      server.close();
      rmSync(place, { recursive: true });
    });
  });

  describe('when nobody answers in time', () => {
    test('gives up, and leaves no connection', async () => {
      receiver.become('hang');
      await expect(post(receiver.url, {}, '{}', 100)).rejects.toThrow('no answer within 100 ms');
      while (receiver.open() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      receiver.events.splice(0);
    });

    test('takes a status for an answer, though the rest of it does not come', async () => {
      const { url, server } = await startRaw((socket) =>
        socket.write('HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\nhalf'),
      );
      expect(await post(url, {}, '{}', 200)).toMatchObject({ status: 500, body: 'half' });
      server.close();
    });
  });

  describe('when the answer has no end', () => {
    test('reads no more of it than it needs', async () => {
      let written = 0;
      const { url, server } = await startRaw((socket) => {
        socket.write('HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n');
        const pour = () => {
          while (!socket.destroyed && written < 50_000_000) {
            written += 65_536;
            if (!socket.write(Buffer.alloc(65_536, 'a'))) break;
          }
        };
        socket.on('drain', pour);
        pour();
      });
      const { status, body } = await post(url, {}, '{}', limitMs);
      expect(status).toBe(500);
      expect(body.length).toBeWithin(65_536, 2_000_000);
      expect(written).toBeLessThan(50_000_000);
      server.close();
    });

    test('needs nothing of a success', async () => {
      const { url, server } = await startRaw((socket) =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'),
      );
      expect(await post(url, {}, '{}', limitMs)).toMatchObject({ status: 200, body: '' });
      server.close();
    });
  });

  describe('when only public addresses may be posted to', () => {
    /** Answers one address after the other, the last one for ever. */
    function resolving(...addresses: string[]) {
      const asked: string[] = [];
      const resolve: Resolve = (name, _options, callback) => {
        asked.push(name);
        const address = addresses.length > 1 ? addresses.shift() : addresses[0];
        callback(null, [{ address: address ?? '', family: 4 }]);
      };
      return { resolve, asked };
    }
    const portOf = () => new URL(receiver.url).port;
    /** What has come of these tests; one of the tests before may be late. */
    const arrived = () => receiver.events.filter(({ path }) => path === '/strict');

    test('goes to no address in the network, though it stands in the URL', async () => {
      const strict = createPost({ targets: 'public' });
      for (const url of [
        `http://127.0.0.1:${portOf()}/strict`,
        `https://127.0.0.1:${portOf()}/strict`,
        'https://localhost/',
      ]) {
        await expect(strict(url, {}, '{}', limitMs)).rejects.toThrow(/must/);
      }
      expect(arrived()).toBeEmpty();
    });

    test('goes to none that a name leads to', async () => {
      const { resolve } = resolving('127.0.0.1');
      const strict = createPost({ targets: 'public', resolve });
      await expect(strict(`https://hooks.example.com:${portOf()}/strict`, {}, '{}', limitMs)).rejects.toThrow(
        'does not lead to a public address',
      );
    });

    test('connects to what was checked, though the name leads elsewhere a moment later', async () => {
      // Nothing answers there: what matters is that nobody asks again and finds this machine.
      const { resolve, asked } = resolving('8.8.8.8', '127.0.0.1');
      const strict = createPost({ targets: 'public', resolve });
      receiver.become(204);
      await expect(strict(`https://hooks.example.com:${portOf()}/strict`, {}, '{}', 500)).rejects.toThrow();
      expect(asked).toEqual(['hooks.example.com']);
      expect(arrived()).toBeEmpty();
    });

    test('is pinned: where the name leads decides, and the receiver hears the name', async () => {
      const { resolve } = resolving('127.0.0.1');
      const pinned = createPost({ targets: 'any', resolve });
      await pinned(`http://hooks.example.com:${portOf()}/pinned`, {}, '{}', limitMs);
      const [event] = receiver.events.splice(0).filter(({ path }) => path === '/pinned');
      expect(event?.headers.host).toBe(`hooks.example.com:${portOf()}`);
    });
  });
});
