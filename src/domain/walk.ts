import type { Reader } from '../db/client.ts';
import { beforeAllIds } from '../lib/ids.ts';

/** Runs one query; each batch of a walk is one of its own, however slowly it is read. */
export type Read = <T>(work: (reader: Reader) => Promise<T>) => Promise<T>;

type Walk<Row> = {
  batchSize: number;
  /** Reads the batch behind a key; one of fewer rows than `batchSize` is the last. */
  next: (reader: Reader, after: string) => Promise<Row[]>;
  keyOf: (row: Row) => string;
  /** A key before all. */
  first: string;
};

/** Walks rows in the order of a key, so that any number of them costs no more memory than a batch. */
export async function* walk<Row>(
  read: Read,
  { batchSize, next, keyOf, first }: Walk<Row>,
): AsyncGenerator<Row[], void> {
  for (let after: string | null = first; after !== null; ) {
    const behind: string = after;
    const rows = await read((reader) => next(reader, behind));
    const last = rows.at(-1);
    if (rows.length > 0) yield rows;
    after = last && rows.length === batchSize ? keyOf(last) : null;
  }
}

/** The same in the order of ids. */
export function walkIds<Row extends { id: string }>(
  read: Read,
  batchSize: number,
  next: Walk<Row>['next'],
): AsyncGenerator<Row[], void> {
  return walk(read, { batchSize, next, keyOf: ({ id }) => id, first: beforeAllIds });
}
