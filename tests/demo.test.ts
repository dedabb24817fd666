import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const demoFile = join(import.meta.dir, '../standalone/demo.ts');
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'shop-demo-test-'));
  // As root, Postgres runs under another account, which has to get at its data.
  chmodSync(directory, 0o755);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs the demo, and presses Ctrl-C as soon as it has printed `interruptAt`. */
async function runDemo(interruptAt?: string): Promise<{ output: string; complaints: string; exitCode: number }> {
  const demo = Bun.spawn([process.execPath, demoFile], {
    env: { PATH: process.env.PATH, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const complaints = demo.stderr.text();
  let output = '';
  for await (const text of demo.stdout.pipeThrough(new TextDecoderStream())) {
    const wasThere = interruptAt !== undefined && output.includes(interruptAt);
    output += text;
    if (interruptAt !== undefined && !wasThere && output.includes(interruptAt)) demo.kill('SIGINT');
  }
  return { output, complaints: await complaints, exitCode: await demo.exited };
}

async function expectNothingLeft(output: string): Promise<void> {
  expect(readdirSync(directory)).toEqual([]);
  expect(Bun.spawnSync(['ps', '-Aww', '-o', 'args']).stdout.toString()).not.toContain(directory);
  const apiUrl = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0];
  if (apiUrl) await expect(fetch(apiUrl)).rejects.toThrow();
}

describe('demo', () => {
  test('left alone › plays all eight steps and leaves nothing behind', async () => {
    const { output, complaints, exitCode } = await runDemo();
    expect(complaints).toBe('');
    expect(output).toContain('The address is confirmed');
    expect(output.match(/^\d\. .*/gm)).toEqual([
      '1. A shop comes up',
      '2. Register',
      '3. Sign in',
      '4. Browse',
      '5. Order',
      '6. Watch the order change',
      '7. Read the mails',
      '8. Leave',
    ]);
    const statuses = ['pending', 'processing', 'shipped', 'delivered'];
    expect([...output.matchAll(/^ {3}\S+Z {2}(\w+)$/gm)].map(([, status]) => status)).toEqual(statuses);
    expect([...output.matchAll(/Message-ID: <[\w-]+\.1\.(\w+)@/g)].map(([, status]) => status)).toEqual(statuses);
    expect(exitCode).toBe(0);
    await expectNothingLeft(output);
  });

  test.each(['1. A shop comes up', '6. Watch the order change'])(
    'interrupted at "%s" › says so and leaves nothing behind',
    async (moment) => {
      const { output, complaints, exitCode } = await runDemo(moment);
      expect(complaints).toBe('\nInterrupted. Nothing of this shop is left.\n');
      expect(output).not.toContain('7. Read the mails');
      expect(exitCode).toBe(130);
      await expectNothingLeft(output);
    },
  );
});
