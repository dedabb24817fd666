import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import postgres from 'postgres';
import { root } from '../support/app-process.ts';
import { createFailureReader } from '../support/failures.ts';
import { startRedis } from '../support/redis-server.ts';
import { runBunTest, startTestbedPostgres, type TearDown } from '../support/suites.ts';
import { migrateTemplate, testbedsMax } from '../support/testbed-servers.ts';
import { type Mutant, mutate } from './mutant.ts';

/**
 * `killed`: a test failed. `lived`: all passed. `broken`: no test got as far as failing, because a suite did not start,
 * had no such test, or did not end.
 */
export type Outcome = 'killed' | 'lived' | 'broken';

export type Verdict = {
  mutant: Mutant;
  outcome: Outcome;
  seconds: number;
  /** What failed, or why nothing could. */
  why: string;
};

/** A copy of the code that is changed and put back. */
export type Workplace = { judge: (mutant: Mutant, signal: AbortSignal) => Promise<Verdict> };

/** What the suites of all workplaces work on. */
export type Servers = {
  /** By which they find them. */
  variables: Record<string, string>;
  /** Makes every testbed from here on by the migrations of this code; none may be made meanwhile. */
  migrate: (code: string) => Promise<void>;
};

const runMsMax = 10 * 60_000;
/** From here on, a signal ended it. */
const exitCodeOfSignals = 128;

/**
 * Copies what git knows of the code, and what is new, into a directory.
 * @param openServers called for each mutant whose suites need servers
 */
export function openWorkplace(directory: string, openServers: () => Promise<Servers>): Workplace {
  const code = join(directory, 'code');
  const logs = join(directory, 'logs');
  copyCode(code);

  async function judge(mutant: Mutant, signal: AbortSignal): Promise<Verdict> {
    const file = join(code, mutant.file);
    const source = readFileSync(file, 'utf8');
    const servers = needsServers(mutant) ? await openServers() : undefined;
    const startedAt = performance.now();
    const seconds = () => (performance.now() - startedAt) / 1_000;
    mkdirSync(logs, { recursive: true });
    writeFileSync(file, mutate(source, mutant));
    try {
      if (migrates(mutant)) await servers?.migrate(code);
      const found = await runSuites(mutant, { ...servers?.variables, TEST_LOGS: logs }, signal);
      return { mutant, seconds: seconds(), ...found };
    } catch (error) {
      return { mutant, seconds: seconds(), outcome: 'broken', why: String(error) };
    } finally {
      writeFileSync(file, source);
      rmSync(logs, { recursive: true });
      if (migrates(mutant)) await servers?.migrate(code);
    }
  }

  async function runSuites(
    mutant: Mutant,
    env: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Pick<Verdict, 'outcome' | 'why'>> {
    const { suites, test } = mutant;
    const reader = createFailureReader();
    const lines: string[] = [];
    const options = ['--bail', ...(test === undefined ? [] : [`--test-name-pattern=${RegExp.escape(test)}`])];
    const exitCode = await runBunTest({
      code,
      args: [...options, ...suites.map((suite) => `./${suite}`)],
      env,
      signal: AbortSignal.any([signal, AbortSignal.timeout(runMsMax)]),
      take: (line) => {
        reader.take(line);
        lines.push(line);
      },
    });
    const { names, errors } = reader.failures();
    // The hooks of a suite have no name: one that fails says that there was nothing to be tested.
    const failed = [...names.values()]
      .flat()
      .filter((name) => name.startsWith('(fail) ') && !name.includes('(unnamed)'));
    if (exitCode === 0) return { outcome: 'lived', why: '' };
    if (failed.length > 0 && exitCode < exitCodeOfSignals) return { outcome: 'killed', why: failed.join('; ') };
    return { outcome: 'broken', why: (errors.length > 0 ? errors : lines.slice(-8)).join('\n') };
  }

  return { judge };
}

/** Suites beside their subject are of pure functions. */
export function needsServers({ suites }: Mutant): boolean {
  return suites.some((suite) => !suite.startsWith('src/'));
}

/** Whether testbeds are made in another way with it, so that nothing else may run meanwhile. */
export function migrates(mutant: Mutant): boolean {
  return mutant.file.startsWith('drizzle/') && needsServers(mutant);
}

function copyCode(code: string): void {
  const command = [
    'git',
    '-c',
    `safe.directory=${root}`,
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
  ];
  const { stdout, stderr, exitCode } = Bun.spawnSync(command, { cwd: root });
  if (exitCode !== 0) throw new Error(`The code could not be listed: ${stderr.toString().trim()}`);
  for (const file of stdout.toString().split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(code, file)), { recursive: true });
    cpSync(join(root, file), join(code, file), { force: true });
  }
  symlinkSync(join(root, 'node_modules'), join(code, 'node_modules'));
}

/** Starts what the suites need. What ends it goes on `tearDown`. */
export async function startServers(directory: string, tearDown: TearDown): Promise<Servers> {
  const redis = await startRedis({ databases: testbedsMax + 1 });
  tearDown.push(redis.stop);
  const database = await startTestbedPostgres(join(directory, 'postgres'), tearDown);
  return {
    variables: { TEST_DATABASE_URL: database.url, TEST_REDIS_URL: redis.url },
    migrate: async (code) => {
      const server = postgres(database.url, { max: 1 });
      await server`drop database shop_template with (force)`;
      await server.end();
      await migrateTemplate(database.url, join(code, 'drizzle'));
    },
  };
}
