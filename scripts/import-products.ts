import { createReadStream, type ReadStream, statSync } from 'node:fs';
import { extname } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'csv-parse';
import { type Database, openDatabase } from '../src/db/client.ts';
import { schemaIsCurrent } from '../src/db/migrate.ts';
import { withTransaction } from '../src/db/transaction.ts';
import { type ImportOutcome, importProducts } from '../src/domain/products/import.ts';
import { unmark } from '../src/lib/csv.ts';
import { fieldErrorsOf } from '../src/schema/common.ts';
import { type ProductImport, productImportSchema } from '../src/schema/product-imports.ts';
import { readSettingsOf } from '../src/settings.ts';
import { reasonOf } from './reason.ts';

const batchSize = 500;
const batchMsMax = 30_000;
const reportEveryMs = 10_000;
const refusalsShownMax = 1_000;
const closeTimeoutMs = 5_000;

const numbers = ['priceCents', 'stock'];
const lists = ['tags', 'images'];

/** A cell of CSV as JSON would have it; undefined for one that is left out. */
function readCell(column: string, cell: string | null): unknown {
  if (cell === null) return numbers.includes(column) || lists.includes(column) ? undefined : null;
  if (numbers.includes(column)) return /^-?\d{1,15}$/.test(cell) ? Number(cell) : cell;
  if (!lists.includes(column)) return cell;
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}

async function* recordsOfCsv(file: ReadStream): AsyncGenerator<unknown> {
  const parser = parse({
    bom: true,
    columns: true,
    cast: (cell, { header, quoting }) => (header ? cell : cell === '' && !quoting ? null : unmark(cell)),
  });
  // What breaks the file off breaks the reading off, too.
  file.on('error', (error) => parser.destroy(error));
  for await (const record of file.pipe(parser)) {
    yield Object.fromEntries(
      Object.entries(record as Record<string, string | null>).map(([column, cell]) => [column, readCell(column, cell)]),
    );
  }
}

async function* recordsOfNdjson(file: ReadStream): AsyncGenerator<unknown> {
  for await (const line of linesOf(file)) {
    if (line.trim() === '') continue;
    try {
      yield JSON.parse(line);
    } catch {
      yield line;
    }
  }
}

/** Lines end with LF alone: `node:readline` parts them at U+2028 and U+2029 too, which JSON may hold as they are. */
async function* linesOf(file: ReadStream): AsyncGenerator<string> {
  let begun = '';
  for await (const text of file.setEncoding('utf8')) {
    const [last = '', ...lines] = (begun + text).split('\n').reverse();
    yield* lines.reverse();
    begun = last;
  }
  yield begun;
}

const readers: Partial<Record<string, typeof recordsOfCsv>> = {
  '.csv': recordsOfCsv,
  '.ndjson': recordsOfNdjson,
  '.jsonl': recordsOfNdjson,
};

/** A record of the file, counted from 1, and the product in it or what is wrong with it. */
type Read = { number: number; sku: string; product: ProductImport | null; fault: string };

function read(record: unknown, number: number): Read {
  const parsed = productImportSchema.safeParse(record);
  if (parsed.success) return { number, sku: parsed.data.sku ?? '', product: parsed.data, fault: '' };
  const faults = fieldErrorsOf(parsed.error).map(({ path, message }) => (path ? `${path} ${message}` : message));
  return { number, sku: '', product: null, fault: faults.join('; ') };
}

/** Shows on a terminal how far it is, on one line; elsewhere a line every now and then. */
function createProgress(out: NodeJS.WriteStream, bytes: number) {
  let reportedAt = Date.now();
  return (file: ReadStream, done: number) => {
    const isLast = file.bytesRead >= bytes;
    const share = bytes === 0 ? 100 : Math.floor((100 * file.bytesRead) / bytes);
    const line = `${share} % read, ${done.toLocaleString('en')} products`;
    if (out.isTTY) out.write(`\r\x1b[K${line}${isLast ? '\n' : ''}`);
    else if (isLast || Date.now() - reportedAt >= reportEveryMs) {
      reportedAt = Date.now();
      out.write(`${line}\n`);
    }
  };
}

type Report = { counts: Record<ImportOutcome['outcome'], number>; lines: string[]; unshown: number };

async function writeBatch(db: Database, batch: Read[], currency: string, report: Report): Promise<void> {
  const products = batch.flatMap(({ product }) => product ?? []);
  const outcomes = await withTransaction(
    db,
    (tx) => importProducts(tx, products, currency),
    performance.now() + batchMsMax,
  );
  const rest = outcomes.values();
  for (const { number, sku, product, fault } of batch) {
    const written = product ? rest.next().value : undefined;
    const { outcome, says } = written ?? { outcome: 'refused' as const, says: fault };
    report.counts[outcome] += 1;
    if (says === null) continue;
    const line = `record ${number}${sku && ` (${sku})`}: ${outcome === 'refused' ? 'refused: ' : ''}${says}`;
    if (report.lines.length < refusalsShownMax) report.lines.push(line);
    else report.unshown += 1;
  }
}

async function run(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [path] = positionals;
  if (path === undefined || positionals.length > 1) throw new Error('Name one file: bun run products:import FILE');
  const records = readers[extname(path).toLowerCase()];
  if (!records) throw new Error(`${path} must end in .csv, .ndjson or .jsonl, which says how it is read.`);
  const { size } = statSync(path);
  const { databaseUrl, currency } = readSettingsOf('command');
  if (!databaseUrl) throw new Error('DATABASE_URL is not set: it says in which database the products are to be.');
  const { db, close } = openDatabase(databaseUrl, { poolSize: 1, applicationName: 'shop products:import' });
  try {
    if (!(await schemaIsCurrent(db)))
      throw new Error('The database lacks the newest schema: run `bun run db:migrate`.');
    const file = createReadStream(path);
    const showProgress = createProgress(process.stdout, size);
    const report: Report = { counts: { created: 0, updated: 0, unchanged: 0, refused: 0 }, lines: [], unshown: 0 };
    let number = 0;
    let batch: Read[] = [];
    const flush = async () => {
      await writeBatch(db, batch, currency, report);
      batch = [];
      showProgress(file, number);
    };
    for await (const record of records(file)) {
      number += 1;
      batch.push(read(record, number));
      if (batch.length === batchSize) await flush();
    }
    if (batch.length > 0) await flush();
    for (const line of report.lines) console.log(line);
    if (report.unshown > 0) console.log(`… and ${report.unshown} more`);
    const { created, updated, unchanged, refused } = report.counts;
    console.log(`${created} created, ${updated} updated, ${unchanged} unchanged, ${refused} refused.`);
    if (refused > 0) process.exitCode = 1;
  } finally {
    await close(closeTimeoutMs);
  }
}

// Not awaited at the top level, because Bun can turn only programs without that into bytecode.
run().catch((error: unknown) => {
  console.error(reasonOf(error));
  process.exitCode = 1;
});
