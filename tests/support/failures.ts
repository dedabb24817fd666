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
const unhandled = '# Unhandled error between tests';
const rule = /^-{5,}$/;

/** Reads from what `bun test` writes what failed, and why. */
export function createFailureReader(): FailureReader {
  const failures: Failure[] = [];
  let file = '';
  let lines: string[] = [];
  let between: 'no' | 'begun' | 'open' = 'no';

  function add(name: string): void {
    // Before the error there are only what the test has printed and the code around the line.
    const first = lines.findIndex((line) => /^\w*error\b.*:|^error:/i.test(line));
    const reasons = lines.slice(Math.max(first, 0)).filter((line) => line.trim() !== '');
    failures.push({ file, name, reasons: first < 0 ? reasons.slice(-reasonsMax) : reasons.slice(0, reasonsMax) });
    lines = [];
  }

  function take(colored: string): void {
    const line = Bun.stripANSI(colored);
    const header = headerPattern.exec(line);
    if (between === 'begun' && rule.test(line)) between = 'open';
    else if (between === 'open' && rule.test(line)) {
      between = 'no';
      add(unhandled);
    } else if (line === unhandled) {
      between = 'begun';
      lines = [];
    } else if (header) {
      file = header[1] ?? '';
      lines = [];
    } else if (/^\((pass|skip|todo)\) /.test(line)) lines = [];
    else if (line.startsWith('(fail) ') || line.startsWith('✗ ')) add(line);
    else if (/^\s+\^ this test /.test(line)) failures.at(-1)?.reasons.push(line);
    else lines.push(line);
  }

  return { take, failures: () => failures };
}

/** Tells of failures between two lines that `.ci/run` looks for. */
export function describeFailures(failures: Failure[]): string {
  const told = failures.map(({ file, name, reasons }) => [`${file}:`, name, ...reasons.map((line) => `  ${line}`)]);
  return [`== ${failures.length} failed:`, ...told.flat(), '== end of what failed'].join('\n');
}
