// Writes the table of docs/privacy.md from the register of columns.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { personalData } from '../src/domain/customers/personal-data.ts';

const page = join(import.meta.dir, '../docs/privacy.md');
const heading = '## Every column\n';

/** A page with the table as the register has it. */
export function withTable(text: string): string {
  const [before] = text.split(heading);
  const head = ['Column', 'Personal', 'What it is for', 'How long'];
  const rows = Object.entries(personalData).flatMap(([table, columns]) =>
    Object.entries(columns).map(([column, { personal, what, kept }]) => [
      `\`${table}.${column}\``,
      personal ? 'yes' : 'no',
      what,
      kept,
    ]),
  );
  const widths = head.map((_title, at) => Math.max(...[head, ...rows].map((cells) => cells[at]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return `${before}${heading}\n${[line(head), rule, ...rows.map(line)].join('\n')}\n`;
}

if (import.meta.main) writeFileSync(page, withTable(readFileSync(page, 'utf8')));
