import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { percentile } from '../../bench/statistics.ts';
import type { Churn } from './churn.ts';
import type { Target } from './measure.ts';
import type { Recorded } from './recorder.ts';
import type { Size } from './shop.ts';
import { kinds, kindsOf, nodesOf, pagesOf } from './statements.ts';

export type GrowthResult = {
  small: Size;
  large: Size;
  seedSeconds: number;
  recorded: { small: Recorded[]; large: Recorded[] };
  targets: Target[];
  churn: Churn & { updates: number };
};

const page = join(import.meta.dir, '../../docs/growth.md');
const marks = {
  from: '<!-- What follows is written by npm run test:growth -- --write -->',
  to: '<!-- What precedes is written by npm run test:growth -- --write -->',
};

const count = (value: number) => String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, ' ');
const share = (value: number) => `${(value * 100).toFixed(1)} %`;
const code = (names: Iterable<string>) => [...new Set(names)].map((name) => `\`${name}\``).join(', ');

function table(columns: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
}

/** One row for each kind of statement: by which indexes it went, in what steps, and what it looked at. */
function statementRows({ small, large }: GrowthResult['recorded']): string[][] {
  return kinds.map((kind) => {
    const [ofSmall = [], ofLarge = []] = [small, large].map((all) =>
      all.filter(({ text }) => kindsOf(text)[0] === kind),
    );
    const nodes = ofLarge.flatMap(({ plan }) => nodesOf(plan));
    const [typical] = ofLarge.toSorted((a, b) => b.ms - a.ms).slice(Math.floor(ofLarge.length / 2));
    const middle = (runs: Recorded[], value: (run: Recorded) => number) => percentile(runs.map(value), 50);
    const most = (runs: Recorded[], value: (run: Recorded) => number) => Math.max(0, ...runs.map(value));
    const rows = ({ plan }: Recorded) => plan['Actual Rows'];
    const pages = ({ plan }: Recorded) => pagesOf(plan);
    const time = middle(ofLarge, ({ ms }) => ms) / middle(ofSmall, ({ ms }) => ms);
    return [
      kind.name,
      code(nodes.flatMap((node) => node['Index Name'] ?? [])),
      typical
        ? nodesOf(typical.plan)
            .map((node) => node['Node Type'])
            .join(' › ')
        : '',
      `${count(most(ofSmall, rows))}, ${count(most(ofLarge, rows))}`,
      `${count(most(ofSmall, pages))}, ${count(most(ofLarge, pages))}`,
      Number.isFinite(time) ? time.toFixed(2) : '',
    ];
  });
}

export function isMet({ value, limit }: Target): boolean {
  return value <= limit;
}

export function targetLine({ what, value, limit, unit }: Target): string {
  return `${isMet({ what, value, limit, unit }) ? 'met' : 'MISSED'}: ${what}: ${value.toFixed(2)} ${unit}, at most ${limit}`;
}

function sizeWords({ products, customers, orders }: Size): string {
  return `${count(products)} products, ${count(customers)} customers and ${count(orders)} orders`;
}

/** The page's figures, as Markdown. */
export function describeGrowth({ small, large, seedSeconds, recorded, targets, churn }: GrowthResult): string {
  return `The large shop had ${sizeWords(large)}, which took ${count(seedSeconds)} s to make; the small one ${sizeWords(small)}.

### Targets

${table(
  ['What', 'Figure', 'At most', ''],
  targets.map((target) => [
    target.what,
    `${target.value.toFixed(2)} ${target.unit}`,
    `${target.limit} ${target.unit}`,
    isMet(target) ? 'met' : '**missed**',
  ]),
)}

### Stock that changes

Of ${count(churn.updates)} updates of stock, ${share(churn.hotShare)} touched no index. The table grew to ${share(churn.tableGrowth)} of what it
was, its indexes to ${share(churn.indexGrowth)}.

### Statements

Rows and pages are the most of any run, in the small and in the large shop; time is the large shop's median as a
multiple of the small one's. The steps are those of a run of median length.

${table(['Statement', 'Indexes', 'Steps', 'Rows', 'Pages', 'Time'], statementRows(recorded))}`;
}

/** Puts the figures into docs/growth.md. */
export function writeGrowth(text: string): void {
  const [before = '', rest = ''] = readFileSync(page, 'utf8').split(marks.from);
  const [, after = ''] = rest.split(marks.to);
  writeFileSync(page, `${before}${marks.from}\n\n${text}\n\n${marks.to}${after}`);
}
