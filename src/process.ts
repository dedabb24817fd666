import type { Logger } from 'pino';
import { SettingsError } from './settings.ts';

/**
 * Runs an entry point: a fault in the settings is told in plain words and ends the process with 1; on SIGTERM or
 * SIGINT `stop` gets `timeoutMs` to finish what runs, then the process ends with 0.
 */
export async function runProcess(
  start: () => Promise<{ log: Logger; timeoutMs: number; stop: () => Promise<unknown> }>,
): Promise<void> {
  try {
    const { log, timeoutMs, stop } = await start();
    const signal = await nextSignal();
    log.info({ signal }, 'shutting down');
    await Promise.race([stop(), wait(timeoutMs)]);
    log.info('stopped');
    process.exit(0);
  } catch (error) {
    const expected = error instanceof SettingsError || isAddressTaken(error);
    process.stderr.write(`${expected ? (error as Error).message : (error as Error).stack}\n`);
    process.exit(1);
  }
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}

/** Resolves after so many milliseconds. */
export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function isAddressTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}
