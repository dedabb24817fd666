/** What failed in a file of tests. */
export type Failure = {
  /** Where it stands, relative to the project. */
  file: string;
  /** What `bun test` calls them, such as `(fail) GET /api/orders › when … › does … [12.34ms]`. */
  names: string[];
  /** What they failed with, and where that came from. */
  reasons: string[];
};

export type FailureReader = {
  /** Takes a line that `bun test` has written to its standard error. */
  take: (line: string) => void;
  /** What has failed so far. */
  failures: () => Failure[];
};

const reasonsMax = 80;
const headerPattern = /^(\S+\.tsx?):$/;
const namePattern = /^\(fail\) |^# Unhandled error/;
const gonePattern = /^✗ (\S+) \(/;
const errorPattern = /^(\w*error|\w*exception): /i;
const endPattern = /^\((pass|fail|skip|todo)\) |^-{5,}$/;
const placePattern = /^\s+at /;

/**
 * Reads from what `bun test` writes what failed, and why. Files that run at the same time interrupt each other, and what
 * a test says comes before or after its name, so reasons are told by file.
 */
export function createFailureReader(): FailureReader {
  const byFile = new Map<string, { names: string[]; reasons: string[]; within: 'nothing' | 'error' | 'stack' }>();
  let file = '';
  let isOver = false;

  function current() {
    const found = byFile.get(file) ?? { names: [], reasons: [], within: 'nothing' };
    byFile.set(file, found);
    return found;
  }

  function take(colored: string): void {
    const line = Bun.stripANSI(colored);
    // What it repeats at its end has been told before.
    isOver ||= /^\d+ tests? failed:$/.test(line);
    if (isOver) return;
    const header = headerPattern.exec(line) ?? gonePattern.exec(line);
    if (header) file = header[1] ?? '';
    const entry = current();
    if (namePattern.test(line) || gonePattern.test(line)) entry.names.push(line);
    if (/^\s+\^ this test /.test(line)) entry.reasons.push(line);
    if (errorPattern.test(line)) entry.within = 'error';
    else if (header || endPattern.test(line)) entry.within = 'nothing';
    else if (entry.within !== 'nothing' && placePattern.test(line)) entry.within = 'stack';
    else if (entry.within === 'stack') entry.within = 'nothing';
    if (entry.within !== 'nothing' && line.trim() !== '') entry.reasons.push(line);
  }

  function failures(): Failure[] {
    const failed = [...byFile].filter(([, { names }]) => names.length > 0);
    return failed.map(([file, { names, reasons }]) => ({ file, names, reasons: reasons.slice(0, reasonsMax) }));
  }

  return { take, failures };
}

/** Tells of failures between two lines that `.ci/run` looks for. */
export function describeFailures(failures: Failure[]): string {
  const told = failures.map(({ file, names, reasons }) => [
    `${file}:`,
    ...names,
    ...reasons.map((line) => `  ${line}`),
  ]);
  return ['== what failed:', ...told.flat(), '== end of what failed'].join('\n');
}
