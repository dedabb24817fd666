import { stringify } from 'csv-stringify/sync';

/** What a cell may hold before it is text: null is an empty one. */
export type Cell = string | number | null;

/** What a spreadsheet might run as a formula when a cell begins with it, and the mark that says so. */
const runnable = /^[=+\-@\t\r']/;

/** A text as a cell that no spreadsheet runs; `unmark` gives it back. */
export function mark(text: string): string {
  return runnable.test(text) ? `'${text}` : text;
}

/** The text behind a cell that `mark` made. */
export function unmark(cell: string): string {
  return cell.startsWith("'") ? cell.slice(1) : cell;
}

/** Lines of CSV (RFC 4180), each with its end. An empty text has quotes, which null has not. */
export function csvLines(rows: Cell[][]): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'string' ? mark(cell) : cell)));
  return stringify(cells, {
    record_delimiter: '\r\n',
    quoted_match: /[\r\n]/,
    cast: { string: (value) => (value === '' ? { value, quoted_empty: true } : value) },
  });
}
