import { z } from 'zod';
import { ownTurn } from '../lib/turns.ts';
import { optional, queryInteger, storable } from './common.ts';

const pageMax = 1_000_000_000;
const limitDefault = 20;
const limitMax = 100;
/** How long the making of a page may keep others waiting at a time. */
const sliceMs = 5;

const position = z.object({
  sort: z.string(),
  page: z.int().min(1),
  key: z.union([storable, z.int32()]).nullable(),
  id: z.guid(),
});

/**
 * Where a keyset page ended: the sort it walks, the number of the page that follows, and the last row's sort key
 * (null where the id is the key) and id.
 */
export type Position = z.infer<typeof position>;

/** Makes the opaque `nextCursor` of a position. */
export function encodeCursor(value: Position): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decodeCursor(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}

const cursor = z
  .string()
  .max(4_000)
  .transform((text, context) => {
    const decoded = position.safeParse(decodeCursor(text));
    if (decoded.success) return decoded.data;
    context.addIssue('must be a nextCursor that a list has given');
    return z.NEVER;
  });

/** The query parameters that every list takes. `cursor` goes with no `page` but the first. */
export const pageQuery = {
  page: optional(queryInteger(1, pageMax)).meta({
    type: 'integer',
    minimum: 1,
    maximum: pageMax,
    description: 'Which page, counted from 1; not with `cursor`.',
    example: 1,
  }),
  limit: optional(queryInteger(1, limitMax))
    .transform((limit) => limit ?? limitDefault)
    .meta({
      type: 'integer',
      minimum: 1,
      maximum: limitMax,
      description: `How many rows a page has at most; by default ${limitDefault}.`,
      example: limitDefault,
    }),
  cursor: optional(cursor).meta({
    type: 'string',
    description:
      'The `nextCursor` of the page before, sent with the same filters and sort; left out for the first page.',
  }),
};

/** What a page asks for, once validated. */
export type PageRequest = { page?: number | undefined; limit: number; cursor?: Position | undefined };

/** Reports a `cursor` that cannot go with the rest of its query. */
export function checkCursor(
  query: PageRequest,
  sort: string | null,
  context: z.RefinementCtx,
  keyType: 'string' | 'number' | 'none',
): void {
  if (!query.cursor) return;
  const refuse = (message: string) => context.addIssue({ code: 'custom', path: ['cursor'], message });
  const { key } = query.cursor;
  // What forms send beside it; a cursor knows its page.
  if (query.page !== undefined && query.page !== 1) refuse('cannot be combined with page');
  else if (query.cursor.sort !== sort) refuse('belongs to a list in another order');
  else if (keyType === 'none' ? key !== null : typeof key !== keyType)
    refuse('must be a nextCursor that a list has given');
}

export const paginationSchema = z
  .object({
    page: z.int(),
    limit: z.int(),
    totalItems: z.int().meta({ description: 'Exact up to 10 000, may be an estimate beyond.' }),
    totalPages: z.int(),
    nextCursor: z.string().nullable().meta({ description: 'Null on the last page, and when results are ranked.' }),
  })
  .meta({ id: 'Pagination' });

/** The envelope of a list. */
export function listOf<Item extends z.ZodType>(name: string, item: Item) {
  return z.object({ data: z.array(item), pagination: paginationSchema }).meta({ id: name });
}

/** What a list holds of a page. */
export type HeldPage<Row> = { rows: Row[]; page: number; limit: number; totalItems: number; nextCursor: string | null };

/** A page as it goes over the wire, in the envelope of `listOf`. */
export type ListBody<Body> = { data: Body[]; pagination: z.infer<typeof paginationSchema> };

/** The JSON of a `ListBody`, made in slices, because a page may be several megabytes. */
export async function serializePage<Row>(page: HeldPage<Row>, serialize: (row: Row) => unknown): Promise<string> {
  const { rows, totalItems, limit, nextCursor } = page;
  const items: string[] = [];
  // Pages that several wait for may come from Postgres in the same turn.
  if (rows.length > limitDefault) await ownTurn();
  let sliceEndsAt = performance.now() + sliceMs;
  for (const row of rows) {
    items.push(JSON.stringify(serialize(row)));
    if (performance.now() < sliceEndsAt) continue;
    await ownTurn();
    sliceEndsAt = performance.now() + sliceMs;
  }
  const totalPages = Math.ceil(totalItems / limit);
  const pagination: ListBody<never>['pagination'] = { page: page.page, limit, totalItems, totalPages, nextCursor };
  return `{"data":[${items.join(',')}],"pagination":${JSON.stringify(pagination)}}`;
}
