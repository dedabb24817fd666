import { setTimeout as sleep } from 'node:timers/promises';
import { timerMsMax } from '../src/lib/elapsed.ts';

/** A program under way. */
export type Running = {
  /** Settles when it has ended, whatever ended it, with how in a few words. */
  ended: Promise<string>;
  /** Ends it in good order, and resolves then; nothing happens when it has ended already. */
  stop: () => Promise<void>;
};

type StopOptions = {
  signal: NodeJS.Signals;
  /** Sent when it has not ended after `timeoutMs`. */
  lastSignal: NodeJS.Signals;
  timeoutMs: number;
};

const pauseMinMs = 500;
const pauseMaxMs = 30_000;
/** What ran for so long is started again as if it had never ended before. */
const steadyMs = 60_000;

/** A process that can be waited for, and asked to stop in the way it understands. */
export function asRunning(child: Bun.Subprocess, { signal, lastSignal, timeoutMs }: StopOptions): Running {
  const ended = child.exited.then(() => String(child.signalCode ?? `exit code ${child.exitCode}`));
  const stop = async () => {
    child.kill(signal);
    const patience = setTimeout(() => child.kill(lastSignal), Math.min(timeoutMs, timerMsMax));
    await ended;
    clearTimeout(patience);
  };
  return { ended, stop };
}

/**
 * Starts something, and starts it again whenever it ends by itself, after a pause that doubles while it keeps ending.
 * @param name begins the sentence that tells of an end
 * @returns what the first start made, and a function that stops the thing for good
 * @throws what the first start throws; a later one that fails is tried again
 */
export async function keepRunning<T extends Running>(name: string, start: () => T | Promise<T>) {
  const stopping = new AbortController();
  const first = await start();
  let current: Running = first;
  const kept = keep();

  async function keep(): Promise<void> {
    let pauseMs = pauseMinMs;
    while (!stopping.signal.aborted) {
      const startedMs = Date.now();
      const how = await current.ended;
      if (stopping.signal.aborted) return;
      if (Date.now() - startedMs > steadyMs) pauseMs = pauseMinMs;
      console.error(`${name} has ended (${how}) and starts again in ${pauseMs / 1_000} s.`);
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
      pauseMs = Math.min(2 * pauseMs, pauseMaxMs);
      current = await startAgain();
    }
    await current.stop();
  }

  async function startAgain(): Promise<Running> {
    try {
      return await start();
    } catch (error) {
      return { ended: Promise.resolve(error instanceof Error ? error.message : String(error)), stop: async () => {} };
    }
  }

  const stop = async () => {
    stopping.abort();
    await current.stop();
    await kept;
  };
  return { first, stop };
}
