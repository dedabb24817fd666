import { readdirSync, readFileSync } from 'node:fs';

/** What /proc counts in: USER_HZ, which is 100 on every Linux that Bun runs on. */
const ticksPerSecond = 100;

type ProcessStat = { pid: number; parent: number; cpuTicks: number };

/**
 * The CPU seconds that a process and all below it have used, their ended children included. A difference of two calls
 * is therefore right even when children came or went in between.
 */
export function treeCpuSeconds(root: number, all = readAllStats()): number {
  const tree = new Set([root]);
  // Parents may have higher pids than their children, so one pass is not enough.
  for (let before = 0; before < tree.size; ) {
    before = tree.size;
    for (const { pid, parent } of all) if (tree.has(parent)) tree.add(pid);
  }
  const ticks = all.filter(({ pid }) => tree.has(pid)).map(({ cpuTicks }) => cpuTicks);
  return ticks.reduce((sum, each) => sum + each, 0) / ticksPerSecond;
}

function readAllStats(): ProcessStat[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => readStat(Number(pid)) ?? []);
}

/** Null when the process has ended meanwhile. */
function readStat(pid: number): ProcessStat | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return null;
  }
}

/** Reads a line of /proc/PID/stat, proc(5); the name in it may hold blanks and parentheses. */
export function parseStat(line: string): ProcessStat {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).map(Number);
  return {
    pid: Number.parseInt(line, 10),
    parent: Number(fields[1]),
    cpuTicks: ticks.reduce((sum, each) => sum + each, 0),
  };
}

/** The memory that a process has in use now, and the most that it ever had, in bytes. */
export function residentBytes(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1_024;
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
}

/** The CPU seconds that all of the machine's cores have been busy for, those that a hypervisor took away included. */
export function machineBusySeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq + steal) / ticksPerSecond;
}
