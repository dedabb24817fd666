import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { SettingsError } from './settings.ts';

/** A running entry point: its log, how long it may take to stop, and how to stop it. */
type Running = { log: Logger; timeoutMs: number; stop: () => Promise<unknown> };

/**
 * Runs an entry point: a fault in the settings is told in plain words and ends the process with 1; on SIGTERM or
 * SIGINT, which abort the signal that `start` is given, it stops within its time and ends with 0.
 */
export async function runProcess(start: (closing: AbortSignal) => Promise<Running>): Promise<void> {
  const closing = new AbortController();
  const closed = new Promise<void>((resolve) => closing.signal.addEventListener('abort', () => resolve()));
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => closing.abort());
  try {
    const { log, timeoutMs, stop } = await start(closing.signal);
    await closed;
    log.info('shutting down');
    await Promise.race([stop(), sleep(timeoutMs)]);
    log.info('stopped');
    process.exit(0);
  } catch (error) {
    // Whoever is told to end while he still waits for a server ends in good order, too.
    if (closing.signal.aborted) process.exit(0);
    const expected = error instanceof SettingsError || cannotListen(error);
    process.stderr.write(`${expected ? (error as Error).message : (error as Error).stack}\n`);
    process.exit(1);
  }
}

const listenFaults = new Set<unknown>(['EACCES', 'EADDRINUSE', 'EADDRNOTAVAIL', 'EINVAL', 'ENOTFOUND']);

function cannotListen(error: unknown): boolean {
  return error instanceof Error && 'code' in error && listenFaults.has(error.code);
}
