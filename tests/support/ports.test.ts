import { afterAll, expect, test } from 'bun:test';
import { join } from 'node:path';

const each = 100;
const processes = 6;

const living: { stdin: Bun.FileSink }[] = [];

afterAll(() => Promise.all(living.map(({ stdin }) => stdin.end())));

/** What one process is given, all at once. It lives until all have been given theirs, as those do that start servers. */
async function portsOfAnother(): Promise<number[]> {
  const ports = join(import.meta.dir, '../../standalone/ports.ts');
  const script = `
    import { freePort } from ${JSON.stringify(ports)};
    console.log(JSON.stringify(await Promise.all(Array.from({ length: ${each} }, () => freePort()))));
    await Bun.stdin.text();`;
  const child = Bun.spawn([process.execPath, '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  living.push(child);
  const { value } = await child.stdout.getReader().read();
  return JSON.parse(Buffer.from(value ?? []).toString());
}

test('freePort › asked by many processes at the same instant › gives no port twice', async () => {
  const given = await Promise.all(Array.from({ length: processes }, portsOfAnother));
  expect(new Set(given.flat()).size).toBe(processes * each);
});
