/** A test that failed, a file whose code did, or a file whose process ended. */
export type Failure = {
  /** Where it stands, relative to the project. */
  file: string;
  /** What `bun test` calls it, such as `(fail) GET /api/orders › when … › does … [12.34ms]`. */
  name: string;
  /** What it failed with: the error, and where that came from. */
  reasons: string[];
};

export type FailureReader = {
  /** Takes a line that `bun test` has written to its standard error. */
  take: (line: string) => void;
  /** What has failed so far, in the order of the output. */
  failures: () => Failure[];
};

const reasonsMax = 24;
const headerPattern = /^(\S+\.tsx?):$/;
const errorPattern = /^(\w*error|\w*exception): /i;
const gonePattern = /^✗ (\S+) \(/;
const unhandled = '# Unhandled error between tests';
const rule = /^-{5,}$/;

/** Reads from what `bun test` writes what failed, and why. */
export function createFailureReader(): FailureReader {
  const failures: Failure[] = [];
  // By file, because files that run at the same time interrupt each other.
  const linesOf = new Map<string, string[]>();
  let file = '';
  let unhandledRules = 2;
  let isOver = false;

  function add(name: string): void {
    const lines = (linesOf.get(file) ?? []).filter((line) => line.trim() !== '' && !rule.test(line));
    // Before the error there are only what the test has printed and the code around the line.
    const first = lines.findIndex((line) => errorPattern.test(line));
    failures.push({
      file,
      name,
      reasons: first < 0 ? lines.slice(-reasonsMax) : lines.slice(first).slice(0, reasonsMax),
    });
    linesOf.delete(file);
  }

  function take(colored: string): void {
    const line = Bun.stripANSI(colored);
    // What it repeats at its end has been told before.
    isOver ||= /^\d+ tests? failed:$/.test(line);
    if (isOver) return;
    const header = headerPattern.exec(line);
    const gone = gonePattern.exec(line);
    if (header) file = header[1] ?? '';
    else if (line === unhandled) unhandledRules = 0;
    else if (unhandledRules < 2 && rule.test(line)) {
      unhandledRules += 1;
      if (unhandledRules === 2) add(unhandled);
    } else if (/^\((pass|skip|todo)\) /.test(line)) linesOf.delete(file);
    else if (line.startsWith('(fail) ')) add(line);
    else if (gone) {
      file = gone[1] ?? '';
      add(line);
    } else if (/^\s+\^ this test /.test(line)) failures.at(-1)?.reasons.push(line);
    else linesOf.set(file, [...(linesOf.get(file) ?? []), line]);
  }

  return { take, failures: () => failures };
}

/** Tells of failures between two lines that `.ci/run` looks for. */
export function describeFailures(failures: Failure[]): string {
  const told = failures.map(({ file, name, reasons }) => [`${file}:`, name, ...reasons.map((line) => `  ${line}`)]);
  return [`== ${failures.length} failed:`, ...told.flat(), '== end of what failed'].join('\n');
}
