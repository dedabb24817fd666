import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { freePort } from '../../standalone/ports.ts';
import { openLink } from './link.ts';
import { pause } from './wait.ts';

describe('openLink', () => {
  let server: Bun.Server<undefined>;
  let link: Awaited<ReturnType<typeof openLink>>;

  beforeEach(async () => {
    server = Bun.serve({ hostname: '127.0.0.1', port: await freePort(), fetch: () => new Response('hello') });
    link = await openLink(server.port ?? 0);
  });

  afterEach(async () => {
    await link.cut();
    await server.stop(true);
  });

  async function ask(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${link.port}/`, { keepalive: false });
    return response.text();
  }

  test('untouched › passes everything through', async () => {
    expect(await ask()).toBe('hello');
  });

  test('cut › refuses until it is restored', async () => {
    await link.cut();
    expect(await ask().catch((error) => error.code)).toBe('ECONNREFUSED');
    await link.restore();
    expect(await ask()).toBe('hello');
  });

  test('hanging › keeps the caller waiting until it is restored', async () => {
    link.hang();
    const answer = ask();
    expect(await Promise.race([answer, pause(100)])).toBeUndefined();
    await link.restore();
    expect(await answer).toBe('hello');
  });
});
