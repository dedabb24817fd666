import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../standalone/ports.ts';
import { type AppProcess, root, startProcess } from '../support/app-process.ts';
import { clockOff } from '../support/clock.ts';
import { openPausedPipe, type PausedPipe } from '../support/paused-pipe.ts';
import { eventually } from '../support/wait.ts';
import type { Journal } from './journal.ts';
import type { Random } from './random.ts';

type Role = 'api' | 'worker';

/** A process of the shop. */
export type Member = AppProcess & {
  name: string;
  /** What its log goes through. */
  pipe: PausedPipe;
  /** Of an API. */
  url: string;
  /** Whether requests are sent to it. */
  serving: boolean;
  /** When it was told to end, Unix ms; null as long as it should live. */
  endingSince: number | null;
};

/** The shop's processes, and what an orchestrator and a load balancer do with them. */
export type Fleet = {
  /** Those that requests are sent to. */
  serving: () => Member[];
  anyApi: (random: Random) => Member;
  /** How many APIs there should be. */
  apis: number;
  /** `kill -9`. */
  kill: (role: Role, place: number) => Promise<void>;
  /** Starts a process in the place of one that was killed, and puts it into service as soon as it is at work. */
  startAgain: (role: Role, place: number) => void;
  /**
   * Puts a new process beside each old one and then tells the old one to end, one after the other.
   * @param code where the code of the new ones is, if it is another
   */
  roll: (code?: string) => Promise<void>;
  /** Leaves the log of a process unread, and its pipe full, until what comes back is called. */
  leaveLogUnread: (role: Role, place: number) => Promise<() => void>;
  stop: () => Promise<void>;
  /** When workers were killed, Unix ms. */
  workersKilledAt: number[];
  /** What processes have printed that they should not: errors in their logs, and anything that is no log line. */
  complaints: () => string[];
};

/** How long a load balancer goes on sending requests to a process that is ending. */
const noticedAfterMs = 200;
const startTimeoutMs = 30_000;
const pauseTakesMs = 20;
/** By how many seconds the clocks of processes are off, in turn. */
const clocksOff = [3_600, -3_600, 20, -20];

type FleetOptions = {
  env: Record<string, string>;
  logDirectory: string;
  apis: number;
  workers: number;
  /** Where the code is that the processes run. */
  code: string;
  journal: Journal;
};

/** Starts APIs and workers as processes of their own. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { env, logDirectory, apis, workers, journal } = options;
  const everyone: Member[] = [];
  const running = new Set<Member>();
  const places = new Map<string, Member>();
  const workersKilledAt: number[] = [];
  const everyPlace = [
    ...Array.from({ length: apis }, (_, place) => ({ role: 'api' as const, place })),
    ...Array.from({ length: workers }, (_, place) => ({ role: 'worker' as const, place })),
  ];
  let { code } = options;
  let stopping = false;

  async function start(role: Role, place: number): Promise<void> {
    const port = await freePort();
    const name = `${role}-${place}-${everyone.length}`;
    const entry = role === 'api' ? 'index.ts' : 'worker.ts';
    // The code from before may have needed clocks that are right.
    const clock = code === root ? await clockOff(clocksOff[everyone.length % clocksOff.length] ?? 0) : {};
    if (stopping) return;
    const logFile = join(logDirectory, `chaos-${process.pid}-${name}.log`);
    const pipe = openPausedPipe(logFile);
    const child = startProcess(entry, { ...env, PORT: String(port), ...clock }, logFile, code, pipe.writeEnd);
    const member: Member = { ...child, name, pipe, url: `http://127.0.0.1:${port}`, serving: false, endingSince: null };
    everyone.push(member);
    running.add(member);
    places.set(`${role} ${place}`, member);
    void member.exited.then((code) => {
      running.delete(member);
      pipe.finish();
      if (member.endingSince === null) journal.breach('No process ends by itself', `${name} ended with code ${code}`);
    });
    await eventually(() => member.endingSince !== null || isAtWork(role, member), { withinMs: startTimeoutMs });
    member.serving = role === 'api' && member.endingSince === null;
  }

  function at(role: Role, place: number): Member {
    const member = places.get(`${role} ${place}`);
    if (!member) throw new Error(`There is no ${role} ${place}.`);
    return member;
  }

  function takeOutOfService(member: Member): void {
    member.endingSince = Date.now();
    setTimeout(() => {
      member.serving = false;
    }, noticedAfterMs);
  }

  async function kill(role: Role, place: number): Promise<void> {
    const member = at(role, place);
    takeOutOfService(member);
    if (role === 'worker') workersKilledAt.push(Date.now());
    await member.kill();
  }

  async function replace(role: Role, place: number): Promise<void> {
    const old = at(role, place);
    await start(role, place);
    await stopInOrder(old);
  }

  async function stopInOrder(member: Member): Promise<void> {
    takeOutOfService(member);
    const code = await member.stop();
    if (code !== 0) journal.breach('SIGTERM ends a process with 0', `${member.name} ended with code ${code}`);
  }

  async function leaveLogUnread(role: Role, place: number): Promise<() => void> {
    const { pipe } = at(role, place);
    pipe.pause();
    pipe.fill();
    // Its reader may have read on for a moment.
    await sleep(pauseTakesMs);
    pipe.fill();
    return pipe.resume;
  }

  const serving = () => everyone.filter((member) => member.serving);
  const fleet: Fleet = {
    serving,
    anyApi: (random) => random.pick(serving()),
    apis,
    kill,
    startAgain: (role, place) => {
      start(role, place).catch((error) => journal.breach('A process starts again', `${role} ${place}: ${error}`));
    },
    roll: async (next = code) => {
      code = next;
      for (const { role, place } of everyPlace) await replace(role, place);
    },
    leaveLogUnread,
    stop: async () => {
      stopping = true;
      await Promise.all([...running].map(stopInOrder));
    },
    workersKilledAt,
    complaints: () => everyone.flatMap(({ name, output }) => complaintsIn(output()).map((line) => `${name}: ${line}`)),
  };
  try {
    await Promise.all(everyPlace.map(({ role, place }) => start(role, place)));
  } catch (error) {
    await fleet.stop();
    throw error;
  }
  return fleet;
}

function complaintsIn(output: string): string[] {
  const errors = output.match(/^\{"level":"(error|fatal)".*$/gm) ?? [];
  const betweenLogLines = output.split(/^\{"level".*$/m).map((text) => text.trim());
  return [...errors, ...betweenLogLines.filter(Boolean)];
}

async function isAtWork(role: Role, { url, log }: Member): Promise<boolean> {
  if (role === 'api') return (await fetch(`${url}/readyz`)).ok;
  return log().some(({ msg }) => msg === 'working');
}
