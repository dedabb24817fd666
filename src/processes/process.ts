import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Closers, createClosers } from '../lib/closers.ts';
import { timerMsMax } from '../lib/elapsed.ts';
import { SettingsError } from '../settings.ts';
import { isServerAway } from './shared.ts';

/** What an entry point starts with. */
export type Life = {
  /** Aborted by SIGTERM or SIGINT. A start that gives up for it throws its reason. */
  closing: AbortSignal;
  /** Takes whatever is opened, as soon as it is. */
  closers: Closers;
};

/** A running entry point: its log, and how long it may take to stop. */
type Running = { log: Logger; timeoutMs: number };

/** How long what was opened before a start failed may take to close. */
const failedStartMsMax = 2_000;

/**
 * Runs an entry point until SIGTERM or SIGINT, closes what it has opened, and ends with 0, be it because the time for
 * that is over; with 1 when something failed to close for another reason than a server that is away. A start that fails
 * ends with 1, and with 0 if it gave up because it was told to end. A fault in the settings is told in plain words.
 */
export async function runProcess(start: (life: Life) => Promise<Running>): Promise<void> {
  const closing = new AbortController();
  const told = new Promise<void>((resolve) => closing.signal.addEventListener('abort', () => resolve()));
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => closing.abort(new Error(`told to end by ${signal}`)));
  }
  const closers = createClosers();
  try {
    const { log, timeoutMs } = await start({ closing: closing.signal, closers });
    await told;
    process.exit(await stop(closers, log, timeoutMs));
  } catch (error) {
    await Promise.race([closers.close(() => {}), sleep(failedStartMsMax)]);
    if (closing.signal.aborted && error === closing.signal.reason) process.exit(0);
    const expected = error instanceof SettingsError || cannotListen(error);
    process.stderr.write(`${expected ? (error as Error).message : (error as Error).stack}\n`);
    process.exit(1);
  }
}

/** @returns the exit code */
async function stop(closers: Closers, log: Logger, timeoutMs: number): Promise<0 | 1> {
  log.info('shutting down');
  let exitCode: 0 | 1 = 0;
  const closed = closers.close((error, name) => {
    if (isServerAway(error)) {
      log.warn({ err: error, closing: name }, 'a server is out of reach while closing');
    } else {
      log.error({ err: error, closing: name }, 'failed to close');
      exitCode = 1;
    }
  });
  const inTime = await Promise.race([closed.then(() => true), sleep(Math.min(timeoutMs, timerMsMax), false)]);
  if (inTime) log.info('stopped');
  else log.warn({ closing: closers.current(), timeoutMs }, 'stopped before everything was closed');
  return exitCode;
}

const listenFaults = new Set<unknown>(['EACCES', 'EADDRINUSE', 'EADDRNOTAVAIL', 'EINVAL', 'ENOTFOUND']);

function cannotListen(error: unknown): boolean {
  return error instanceof Error && 'code' in error && listenFaults.has(error.code);
}
