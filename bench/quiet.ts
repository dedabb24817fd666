import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { machineBusySeconds, treeCpuSeconds } from './processes.ts';

/** Others' share of the machine from which on a measurement would be theirs as much as ours. */
const othersShareMax = 0.1;
const pauseMs = 2_000;

/** The machine is too busy for figures that mean anything. */
export class BusyError extends Error {}

/** Watches what the machine does beside this process and all below it: begins now, answers the share of its CPUs. */
export function watchOthers(): () => number {
  const start = { at: performance.now(), busy: machineBusySeconds(), own: treeCpuSeconds(process.pid) };
  return () => {
    const seconds = ((performance.now() - start.at) / 1_000) * availableParallelism();
    const own = treeCpuSeconds(process.pid) - start.own;
    return Math.max(0, machineBusySeconds() - start.busy - own) / seconds;
  };
}

type Patience = { watchMs: number; patienceSeconds: number };

/**
 * Resolves once others have left the machine alone for `watchMs`.
 * @throws {BusyError} when they have not for `patienceSeconds`; when `signal` is aborted
 */
export async function untilQuiet({ watchMs, patienceSeconds }: Patience, signal: AbortSignal): Promise<void> {
  const endsAt = performance.now() + patienceSeconds * 1_000;
  for (let waiting = false; ; waiting = true) {
    const othersShare = watchOthers();
    await sleep(watchMs, undefined, { signal });
    const share = othersShare();
    if (share <= othersShareMax) return;
    const found = `Others use ${Math.round(share * 100)} % of this machine`;
    if (performance.now() > endsAt) {
      throw new BusyError(`${found}, so figures would mean little. Try later, or take them with --anyway.`);
    }
    if (!waiting) console.log(`${found}: waiting for up to ${patienceSeconds} s.`);
    await sleep(pauseMs, undefined, { signal });
  }
}
