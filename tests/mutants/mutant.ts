import { existsSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

/** A bug that somebody might write: one edit, and the suites that must notice it. */
export type Mutant = {
  /** Unique in the catalogue; `--only` takes it. */
  name: string;
  /** What the shop does wrong with the edit in it. */
  says: string;
  /** Where the edit goes, from the root. */
  file: string;
  /** Stands exactly once in the file. */
  find: string;
  replace: string;
  /** Of these, the first failure is enough; those that need no server are the fastest. */
  suites: string[];
  /** A part of the names of the tests that notice it, as it stands in a suite; all tests by default. */
  test?: string;
};

/** The mutants of some files, which are run when one of those changes. */
export type Room = { paths: string[]; mutants: Mutant[] };

/** A file with an edit in it. @throws when the text to be replaced does not stand there exactly once */
export function mutate(source: string, { name, file, find, replace }: Mutant): string {
  const times = source.split(find).length - 1;
  if (times !== 1) throw new Error(`${name}: what it looks for stands ${times} times in ${file}`);
  return source.replace(find, () => replace);
}

/** Says in a sentence each what keeps a mutant from being run; nothing of it is run for this. */
export function misfits(root: string, mutant: Mutant): string[] {
  const { name, file, suites, test } = mutant;
  const missing = [file, ...suites].filter((each) => !existsSync(join(root, each)));
  if (missing.length > 0) return missing.map((each) => `${name}: there is no ${each}`);
  const named = test === undefined || suites.some((suite) => readFileSync(join(root, suite), 'utf8').includes(test));
  const unnamed = named ? [] : [`${name}: no test of ${suites.join(', ')} is called by "${test}"`];
  try {
    parse(file, mutate(readFileSync(join(root, file), 'utf8'), mutant));
    return unnamed;
  } catch (error) {
    return [...unnamed, error instanceof Error ? error.message : String(error)];
  }
}

/** @throws when this is no program */
function parse(file: string, source: string): void {
  const kind = extname(file);
  if (kind !== '.ts' && kind !== '.tsx') return;
  const loader = kind === '.ts' ? 'ts' : 'tsx';
  try {
    new Bun.Transpiler({ loader }).transformSync(source);
  } catch (error) {
    throw new Error(`${file} can no longer be read with the edit in it: ${String(error)}`);
  }
}
