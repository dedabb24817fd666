// A file with products, as a spreadsheet or an export of the shop has it, and its way through the batch route.

import { parse } from 'csv-parse/browser/esm/sync';
import { type ProductBatchItem, unwrap } from '../clients/typescript/src/index.ts';
import { shop } from './session.ts';
import { newKey } from './work.ts';

/** As the batch route takes them; bytes with room for what stands around the items. */
const batchItemsMax = 500;
const batchBytesMax = 900_000;

const ignoredColumns = ['id', 'currency', 'createdAt', 'updatedAt'];
const numberColumns = ['priceCents', 'stock', 'stockChange'];
const listColumns = ['tags', 'images'];
const columns = ['sku', 'name', 'description', ...numberColumns, ...listColumns];

/** A product of the file, before the API has judged it. */
type Item = Record<string, unknown>;
type Row = { line: number; item: Item; fault?: string };

export type Outcome = 'created' | 'updated' | 'unchanged' | 'refused' | 'not_written';

/** What becomes of a row of the file. */
export type Result = { line: number; sku: string; outcome: Outcome; reason: string };

/** A cell as JSON has it; undefined where an empty one means that nothing is said. */
function readCell(column: string, cell: string | null): unknown {
  if (cell === null) return numberColumns.includes(column) || listColumns.includes(column) ? undefined : null;
  if (numberColumns.includes(column)) return /^-?\d{1,15}$/.test(cell) ? Number(cell) : cell;
  if (!listColumns.includes(column)) return cell;
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}

/** Exports put a `'` before what a spreadsheet might run. */
const unmark = (cell: string) => (cell.startsWith("'") ? cell.slice(1) : cell);

/**
 * The products of a CSV file.
 * @throws {Error} that says what is wrong with it as a whole
 */
export function readRows(text: string): Row[] {
  const records: { info: { lines: number }; record: Record<string, string | null> }[] = parse(text, {
    bom: true,
    info: true,
    skip_empty_lines: true,
    columns: (names: string[]) => {
      const unknown = names.filter((name) => !columns.includes(name) && !ignoredColumns.includes(name));
      if (unknown.length > 0) throw new Error(`The columns are ${columns.join(', ')}; not ${unknown.join(', ')}.`);
      if (!names.includes('sku')) throw new Error('A column sku is needed: products are known by it.');
      return names;
    },
    cast: (cell, { header, quoting }) => (header ? cell : cell === '' && !quoting ? null : unmark(cell)),
  });
  if (records.length === 0) throw new Error('There is no product in this file, only its heading or nothing at all.');
  const seen = new Set<unknown>();
  return records.map(({ info, record }) => {
    const cells = Object.entries(record).filter(([name]) => columns.includes(name));
    const item = Object.fromEntries(cells.map(([name, cell]) => [name, readCell(name, cell)]));
    // The API sees one batch at a time, and what is said of a product twice may stand in two.
    const isRepeated = item.sku !== null && seen.has(item.sku);
    seen.add(item.sku);
    return { line: info.lines, item, ...(isRepeated && { fault: 'sku must not be there twice' }) };
  });
}

/** Rows in batches that the API takes. */
export function batchesOf(rows: Row[]): Row[][] {
  const batches: Row[][] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = new Blob([JSON.stringify(row.item)]).size + 1;
    const last = batches.at(-1);
    if (last && last.length < batchItemsMax && bytes + size <= batchBytesMax) {
      last.push(row);
      bytes += size;
    } else {
      batches.push([row]);
      bytes = size;
    }
  }
  return batches;
}

const withoutStock = ({ stock: _, ...item }: Item): Item => item;

type Sending = { dryRun: boolean; key?: string };

async function send(items: Item[], { dryRun, key = newKey() }: Sending) {
  const { results } = await unwrap(
    shop.products.batch.$post({
      header: { 'Idempotency-Key': key },
      // Whatever the file has: the API judges each item by itself.
      json: { items: items as ProductBatchItem[], onError: 'skip', dryRun },
    }),
  );
  return results;
}

type Answer = Awaited<ReturnType<typeof send>>[number];

const faultsIn = ({ errors = [] }: Answer) => errors as { path?: string; message?: string; available?: number }[];
const needsStock = (answer: Answer) =>
  answer.outcome === 'refused' && faultsIn(answer).length === 1 && faultsIn(answer)[0]?.path === 'stock';

function resultOf({ line, item }: Row, answer: Answer): Result {
  const reasons = faultsIn(answer).map(({ path, message, available }) =>
    message === undefined ? `only ${available} in stock` : `${path} ${message}`,
  );
  const reason = reasons.join('; ') || (answer.code ?? '');
  return { line, sku: String(item.sku ?? ''), outcome: answer.outcome, reason };
}

/** A batch that was checked: what would become of it, and what is to be sent to write it. */
export type Checked = { results: Result[]; rows: Row[]; key: string };

/**
 * Asks what would become of a batch. The stock of a product is given when it is made and booked from then on, so what
 * the file says of it is sent for new products only; which those are, the API knows.
 */
export async function check(batch: Row[]): Promise<Checked> {
  const { results, rows } = await judge(batch.filter(({ fault }) => fault === undefined));
  const repeated = batch.flatMap(({ line, item, fault }): Result[] =>
    fault === undefined ? [] : [{ line, sku: String(item.sku), outcome: 'refused', reason: fault }],
  );
  return { results: [...repeated, ...results], rows, key: newKey() };
}

async function judge(batch: Row[]): Promise<Omit<Checked, 'key'>> {
  if (batch.length === 0) return { results: [], rows: [] };
  const answers = await send(
    batch.map(({ item }) => withoutStock(item)),
    { dryRun: true },
  );
  const rows = batch.map((row, index) => {
    const answer = answers[index];
    return answer && needsStock(answer) && row.item.stock !== undefined
      ? row
      : { ...row, item: withoutStock(row.item) };
  });
  const isNew = (row: Row) => row.item.stock !== undefined;
  const made = rows.filter(isNew);
  const again =
    made.length === 0
      ? []
      : await send(
          made.map(({ item }) => item),
          { dryRun: true },
        );
  const rest = again.values();
  const final = rows.map((row, index) => (isNew(row) ? rest.next().value : answers[index]));
  const results = rows.flatMap((row, index) => {
    const answer = final[index];
    return answer ? [resultOf(row, answer)] : [];
  });
  return { results, rows: rows.filter((_, index) => final[index]?.outcome !== 'refused') };
}

/** Writes what was found good of a batch. Doing it again, after an answer that got lost, does nothing twice. */
export async function write({ rows, key, results }: Checked): Promise<Result[]> {
  const refused = results.filter(({ outcome }) => outcome === 'refused');
  if (rows.length === 0) return refused;
  const answers = await send(
    rows.map(({ item }) => item),
    { dryRun: false, key },
  );
  const written = rows.flatMap((row, index) => {
    const answer = answers[index];
    return answer ? [resultOf(row, answer)] : [];
  });
  return [...refused, ...written];
}
