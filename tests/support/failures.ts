export type Failures = {
  /** By the file of the tests, what `bun test` calls them, such as `(fail) GET /api/orders › when … › does … [12.34ms]`. */
  names: Map<string, string[]>;
  /** The errors of all of them, line by line, each with the place that it came from. */
  errors: string[];
};

export type FailureReader = {
  /** Takes a line that `bun test` has written to its standard error. */
  take: (line: string) => void;
  /** What has failed so far. */
  failures: () => Failures;
};

const errorLinesMax = 200;
const headerPattern = /^(\S+\.tsx?):$/;
const namePattern = /^\(fail\) |^# Unhandled error|^✗ /;
const timeoutPattern = /^\s+\^ this test /;
const gonePattern = /^✗ (\S+) \(/;
const errorPattern = /^(\w*error|\w*exception): /i;
const endPattern = /^\((pass|fail|skip|todo)\) |^-{5,}$/;
const placePattern = /^\s+at /;

/**
 * Reads from what `bun test` writes what failed, and why. When files run at the same time, an error and the name of its
 * test come in either order, and with others between them.
 */
export function createFailureReader(): FailureReader {
  const names = new Map<string, string[]>();
  const errors: string[] = [];
  let file = '';
  let within: 'nothing' | 'error' | 'stack' = 'nothing';
  let isOver = false;

  function take(colored: string): void {
    const line = Bun.stripANSI(colored);
    // What it repeats at its end has been told before.
    isOver ||= /^\d+ tests? failed:$/.test(line);
    if (isOver) return;
    const header = headerPattern.exec(line) ?? gonePattern.exec(line);
    if (header) file = header[1] ?? '';
    if (namePattern.test(line)) names.set(file, [...(names.get(file) ?? []), line]);
    if (errorPattern.test(line)) within = 'error';
    else if (header || endPattern.test(line)) within = 'nothing';
    else if (within !== 'nothing' && placePattern.test(line)) within = 'stack';
    else if (within === 'stack') within = 'nothing';
    if (line.trim() !== '' && (within !== 'nothing' || timeoutPattern.test(line))) errors.push(line);
  }

  return { take, failures: () => ({ names, errors }) };
}

/** Tells of failures between two lines that `.ci/run` looks for. */
export function describeFailures({ names, errors }: Failures): string {
  const told = [...names].flatMap(([file, lines]) => [`${file}:`, ...lines]);
  const why = errors.slice(0, errorLinesMax).map((line) => `  ${line}`);
  return ['== what failed:', ...told, ...why, '== end of what failed'].join('\n');
}
