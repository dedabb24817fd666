import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/app-process.ts';
import { rooms } from './catalogue.ts';

const page = join(root, 'docs/reliability.md');
const begin = '<!-- Written by npm run test:mutants -- --write -->\n\n';
const end = '\n\n<!-- The end of what is written -->';

/** Writes the catalogue into docs/reliability.md again. */
export function writeTable(): void {
  writeFileSync(page, withTable(readFileSync(page, 'utf8')));
}

/** Whether docs/reliability.md has the catalogue as it is. */
export function isTableCurrent(): boolean {
  const text = readFileSync(page, 'utf8');
  return text === withTable(text);
}

function withTable(text: string): string {
  const [before, after] = [text.indexOf(begin), text.indexOf(end)];
  if (before < 0 || after < before) throw new Error('docs/reliability.md has no place for the catalogue.');
  return text.slice(0, before + begin.length) + table() + text.slice(after);
}

function table(): string {
  const rows = Object.entries(rooms).flatMap(([room, { mutants }]) =>
    mutants.map(({ name, says, suites }) => [room, `\`${name}\``, says, suites.map(link).join(', ')]),
  );
  const all = [['Room', 'Mutant', 'What the shop does wrong with it', 'Noticed by'], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (cells: string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = all;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(line)].join('\n');
}

function link(suite: string): string {
  const name = suite.replace(/^(?:tests|src)\//, '').replace(/\.test\.ts$/, '');
  return `[${name}](../${suite})`;
}
