import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';

const processPath = join(import.meta.dir, 'process.ts');

/** Runs a program whose start is the body of `start`, sends it a signal once it says so, and answers how it ended. */
async function run(body: string, signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM') {
  const program = `
    const { runProcess } = require(${JSON.stringify(processPath)});
    const { pino } = require('pino');
    const log = pino(pino.destination({ dest: 1, sync: true }));
    const away = () => Object.assign(new Error('no server'), { code: 'ECONNREFUSED' });
    const alive = setInterval(() => {}, 1_000);
    void runProcess(async ({ closing, closers }) => { ${body} });`;
  const child = Bun.spawn([process.execPath, '-e', program], {
    cwd: join(import.meta.dir, '..'),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let told = false;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += chunk;
    if (!told && output.includes('started')) child.kill(signal);
    told ||= output.includes('started');
  }
  const lines: Record<string, unknown>[] = output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  return { code: await child.exited, lines, output, stderr: await child.stderr.text() };
}

const running = `console.log('started'); return { log, timeoutMs: 5_000 };`;
const [warn, error] = [40, 50];

describe('runProcess', () => {
  describe('when all of it closes', () => {
    test('ends with 0', async () => {
      const { code, lines } = await run(`closers.add('a', () => {}); ${running}`);
      expect(code).toBe(0);
      expect(lines.map(({ msg }) => msg)).toEqual(['shutting down', 'stopped']);
    });
  });

  describe('when something fails to close', () => {
    test('closes the others, says why, and ends with 1', async () => {
      const { code, lines, output } = await run(`
        closers.add('first', () => console.log('first is closed'));
        closers.add('broken', async () => { throw new Error('stuck', { cause: new Error('rusty') }); });
        ${running}`);
      expect(code).toBe(1);
      expect(output).toContain('first is closed');
      expect(lines).toContainEqual(
        expect.objectContaining({ level: error, msg: 'failed to close', closing: 'broken' }),
      );
      expect(output).toContain('rusty');
    });

    test('ends with 1 even if the time is over before the others are closed', async () => {
      const { code, lines } = await run(`
        closers.add('slow', () => new Promise(() => {}));
        closers.add('broken', () => { throw new Error('stuck'); });
        console.log('started'); return { log, timeoutMs: 200 };`);
      expect(code).toBe(1);
      expect(lines.map(({ msg }) => msg)).toContain('failed to close');
    });
  });

  describe('when a server is away while it closes', () => {
    test('says so, closes the others, and ends with 0', async () => {
      const { code, lines, output } = await run(`
        closers.add('first', () => console.log('first is closed'));
        closers.add('queue', async () => { throw away(); });
        ${running}`);
      expect(code).toBe(0);
      expect(output).toContain('first is closed');
      expect(lines).toContainEqual(expect.objectContaining({ level: warn, closing: 'queue' }));
    });
  });

  describe('when the time to stop is over', () => {
    test('says what was not closed, and ends with 0', async () => {
      const { code, lines } = await run(`
        closers.add('slow', () => new Promise(() => {}));
        console.log('started'); return { log, timeoutMs: 200 };`);
      expect(code).toBe(0);
      expect(lines.at(-1)).toMatchObject({
        level: warn,
        msg: 'stopped before everything was closed',
        closing: 'slow',
        timeoutMs: 200,
      });
    });
  });

  describe('when it has longer than a timer waits', () => {
    test('closes everything', async () => {
      const { code, lines } = await run(`
        closers.add('slow', () => new Promise((resolve) => setTimeout(resolve, 200)));
        console.log('started'); return { log, timeoutMs: 2 ** 31 };`);
      expect(code).toBe(0);
      expect(lines.at(-1)).toMatchObject({ msg: 'stopped' });
    });
  });

  describe('when it is told to end before it has started', () => {
    const untilTold = `
      closers.add('first', () => console.log('first is closed'));
      console.log('started');
      await new Promise((resolve) => closing.addEventListener('abort', resolve));`;

    test('closes what is open and ends with 0 if it gave up for that', async () => {
      const { code, output, stderr } = await run(`${untilTold} closing.throwIfAborted();`);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(output).toContain('first is closed');
    });

    test('ends with 1 and says why if it failed for another reason', async () => {
      const { code, output, stderr } = await run(`${untilTold} throw new Error('no schema');`);
      expect(code).toBe(1);
      expect(stderr).toContain('no schema');
      expect(output).toContain('first is closed');
    });
  });

  describe('when a start fails', () => {
    test('closes what is open, whatever becomes of it, and ends with 1', async () => {
      const { code, output, stderr } = await run(`
        closers.add('first', () => console.log('first is closed'));
        closers.add('broken', () => { throw new Error('stuck'); });
        throw new Error('no port');`);
      expect(code).toBe(1);
      expect(output).toContain('first is closed');
      expect(stderr).toContain('no port');
    });
  });

  describe('when it is told to end by SIGINT', () => {
    test('closes what is open and ends with 0, as by SIGTERM', async () => {
      const { code, output, lines } = await run(
        `closers.add('first', () => console.log('first is closed')); ${running}`,
        'SIGINT',
      );
      expect(code).toBe(0);
      expect(output).toContain('first is closed');
      expect(lines.map(({ msg }) => msg)).toEqual(['shutting down', 'stopped']);
    });
  });
});
