import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { barChart } from './chart.ts';
import { root } from './children.ts';
import { figure, isMet, margin, percent, type Table, type Target, type Work, type WorkResult } from './results.ts';

export type Measurement = { work: Pick<Work, 'name' | 'title'>; result: WorkResult };

/** A run as a whole. */
export type Report = {
  machine: Record<string, string>;
  /** What to type to repeat it. */
  command: string;
  /** Connections and rounds, as a sentence. */
  conditions: string;
  /** Whether figures were taken however busy the machine was. */
  anyway: boolean;
  measurements: Measurement[];
};

const page = join(root, 'docs/performance.md');
const chartDirectory = join(root, 'docs/performance');
export const begin = '<!-- What follows is written by npm run bench -- --write -->';
export const end = '<!-- What precedes is written by npm run bench -- --write -->';

/** Cells are padded, so that the text can be read as it stands, too. */
export function markdownTable({ columns, rows }: Table): string {
  const widths = columns.map((column, index) =>
    Math.max(3, ...[column, ...rows.map((row) => row[index] ?? '')].map((cell) => cell.length)),
  );
  const line = (cells: string[]) => `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return [line(columns), rule, ...rows.map(line)].join('\n');
}

function verdict(target: Target): string {
  return `${isMet(target) ? 'met' : '**missed**'}${target.limit === 0 ? '' : ` by ${percent(Math.abs(margin(target)))}`}`;
}

/** Every target of a run, met or missed. */
export function targetsTable(measurements: Measurement[]): string {
  const rows = measurements.flatMap(({ work, result }) =>
    result.targets.map((target) => [
      `\`${work.name}\``,
      target.what,
      `${target.bound} ${figure(target.limit)} ${target.unit}`,
      `${figure(target.value)} ${target.unit}`,
      verdict(target),
    ]),
  );
  return markdownTable({ columns: ['work', 'what', 'target', 'measured', ''], rows });
}

/** One work's method and figures. */
export function describeWork({ work, result }: Measurement): string {
  return `## ${work.title} (\`${work.name}\`)\n\n${result.method}\n\n${markdownTable(result.table)}`;
}

/** What others did to the machine meanwhile. */
export function describeDisturbance({ anyway, measurements }: Report): string {
  const share = Math.max(...measurements.map(({ result }) => result.othersShareMax));
  const most = `Others, the threads of the kernel among them, used at most ${percent(share)} of the machine during a measurement.`;
  return anyway ? `**Taken with \`--anyway\`, however busy the machine was.** ${most}` : most;
}

/** The page with its generated part replaced; what people wrote before and after it stays. */
export function replaceGenerated(text: string, generated: string): string {
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined)
    throw new Error(`The page lacks the two lines that mark its figures.`);
  return `${before}${begin}\n\n${generated}\n\n${end}${after}`;
}

/** Writes the generated part of docs/performance.md, and its charts. */
export function writeReport(report: Report): void {
  const { machine, command, conditions, measurements } = report;
  const generated = [
    `\`${command}\`: ${conditions} ${describeDisturbance(report)}`,
    '## Targets',
    targetsTable(measurements),
    ...measurements.map((each) => `${describeWork(each)}\n\n![${each.work.title}](performance/${each.work.name}.svg)`),
    '## The machine',
    markdownTable({ columns: ['', ''], rows: Object.entries(machine) }),
  ];
  mkdirSync(chartDirectory, { recursive: true });
  for (const { work, result } of measurements) {
    writeFileSync(join(chartDirectory, `${work.name}.svg`), barChart(work.title, result.chart));
  }
  writeFileSync(page, replaceGenerated(readFileSync(page, 'utf8'), generated.join('\n\n')));
  Bun.spawnSync([join(root, 'node_modules/.bin/biome'), 'check', '--write', page]);
}
