import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 25;

/** How a process was called; empty when there is no such process. */
function commandLine(pid: number): string {
  if (process.platform !== 'linux') {
    return Bun.spawnSync(['ps', '-ww', '-o', 'command=', '-p', String(pid)]).stdout.toString();
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Ends what an earlier run left behind when it was killed. Pids come round again, so `pid` is only touched while its
 * command line holds `mark`. Whatever has not obeyed `signal` after `patienceMs` is killed.
 */
export async function endLeftover(
  pid: number,
  mark: string,
  signal: NodeJS.Signals,
  patienceMs: number,
): Promise<void> {
  const alive = () => commandLine(pid).includes(mark);
  if (!alive()) return;
  process.kill(pid, signal);
  const deadline = Date.now() + patienceMs;
  while (alive() && Date.now() < deadline) await sleep(pollMs);
  if (!alive()) return;
  process.kill(pid, 'SIGKILL');
  while (alive()) await sleep(pollMs);
}
