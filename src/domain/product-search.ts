import { and, isNull, type SQL, sql } from 'drizzle-orm';
import type { Reader } from '../db/client.ts';
import { plannedAnew } from '../db/planning.ts';
import { products } from '../db/tables.ts';
import type { ProductQuery, ProductSort } from '../schema/products.ts';
import { exactCountMax, explain, type PlanNode, rowsBefore, rowsToRead } from './paging.ts';
import { beyond, sortColumn } from './product-sorts.ts';

const searchWordsMax = 10;

/** So many products are looked at to learn how common a search is, on pages all over the table. */
const sampledMax = 10_000;
/**
 * A sample that makes matches out to be so many shows that they are more than are counted: were they fewer, it would
 * have to be five standard deviations off, even if all products of a page matched together.
 */
const manyMatches = 3 * exactCountMax;
/** Of a search with many matches, so many are ranked: the newest. */
const rankedMax = 500;
/** Reading a word's entries in the index costs a sixteenth of reading as many products. */
const entriesPerProduct = 16;

/** What a search has found: the ids of a page in its order, or else what to walk for it, because matches abound. */
export type Found = { totalItems: number } & ({ ids: string[] } | { ids: null; sort: ProductSort });

/**
 * The words of a search; ASCII punctuation parts them, as it does in the `search` column. Only the first ten count,
 * because each costs a walk through all words that begin like it.
 */
export function searchWords(text: string): string[] {
  const words = text.split(/[\s!-/:-@[-`{-~]+/);
  return [...new Set(words)].filter(Boolean).slice(0, searchWordsMax);
}

/** Every word must occur, each at least as the beginning of one. Quoting keeps operators out of the words' hands. */
function tsquery(words: string[]): SQL {
  return sql`to_tsquery('simple', ${words.map((word) => `'${word}':*`).join(' & ')})`;
}

/** Tests a product that is at hand: unlike `@@`, the function is not looked up in the index. */
export function matchesWords(words: string[]): SQL {
  return sql`ts_match_vq(${products.search}, ${tsquery(words)})`;
}

/**
 * Finds the products that have every word, in a time that does not grow with the catalogue: up to 10 000 matches are
 * all looked up in the index, counted and sorted. Where there are more, looking all of them up would cost most,
 * but a walk through the catalogue meets one every few steps.
 */
export async function findMatches(
  reader: Reader,
  words: string[],
  filters: SQL | undefined,
  query: ProductQuery,
): Promise<Found> {
  const guess = await guessMatches(reader, words, filters);
  const sampled = guess.matches < manyMatches ? 0 : await sampleMatches(reader, words, filters, guess.products);
  if (sampled < manyMatches) {
    const few = await lookUp(reader, words, rareWords(words, guess.words), filters, query);
    if (few.totalItems <= exactCountMax) return few;
  }
  const totalItems = Math.max(sampled, guess.matches, exactCountMax + 1);
  if (query.sort) return { totalItems, ids: null, sort: query.sort };
  return { totalItems, ids: await rankNewest(reader, words, filters, query) };
}

type Guess = { matches: number; products: number; words: number[] };

/** Asks the planner how many products there are, how many match, and how many have each word. */
async function guessMatches(reader: Reader, words: string[], filters: SQL | undefined): Promise<Guess> {
  const matching = and(isNull(products.deletedAt), sql`${products.search} @@ ${tsquery(words)}`, filters);
  const each = (words.length === 1 ? [] : words).map((word, index) => {
    const alias = sql.identifier(`word_${index}`);
    return sql`select 1 from products as ${alias} where ${alias}.search @@ ${tsquery([word])}`;
  });
  const plan = await explain(
    reader,
    sql.join(
      [sql`select 1 from products where ${matching}`, sql`select 1 from products as everything`, ...each],
      sql` union all `,
    ),
  );
  // Found by name, because the planner leaves out what it can prove empty.
  return {
    matches: expectedRows(plan, 'products'),
    products: expectedRows(plan, 'everything'),
    words: words.map((_, index) => expectedRows(plan, `word_${index}`)),
  };
}

function expectedRows(plan: PlanNode, alias: string): number {
  if (plan.Alias === alias) return plan['Plan Rows'];
  return (plan.Plans ?? []).reduce((rows, child) => rows + expectedRows(child, alias), 0);
}

/** Estimates how many products match from the same few pages every time, so that the estimate stands still. */
async function sampleMatches(
  reader: Reader,
  words: string[],
  filters: SQL | undefined,
  productCount: number,
): Promise<number> {
  const percent = Math.min(100, (100 * sampledMax) / productCount);
  const [row] = await reader.execute<{ sampled: number; matches: number }>(sql`
    select count(*)::int as sampled,
      (count(*) filter (where ${and(isNull(products.deletedAt), matchesWords(words), filters)}))::int as matches
    from products tablesample system (${percent}) repeatable (0)
    where ${plannedAnew}`);
  if (!row?.sampled) return 0;
  return Math.round((row.matches / row.sampled) * productCount);
}

/** The words to look up: the rarest, and those whose entries cost less than the products they rule out. */
function rareWords(words: string[], expected: number[]): string[] {
  const fewest = Math.min(...expected);
  return words.filter((_, index) => (expected[index] ?? 0) <= entriesPerProduct * Math.max(fewest, 1));
}

/** Counts and sorts up to one match more than are counted; with that one, the ids are not those of the page. */
async function lookUp(
  reader: Reader,
  words: string[],
  rare: string[],
  filters: SQL | undefined,
  query: ProductQuery,
): Promise<{ totalItems: number; ids: string[] }> {
  const { sort, cursor } = query;
  const key = sort ? (sortColumn(sort) ?? sql`null`) : sql`ts_rank(${products.search}, ${tsquery(words)})`;
  const direction = sort && !sort.startsWith('-') ? sql`asc` : sql`desc`;
  const matching = and(
    isNull(products.deletedAt),
    sql`${products.search} @@ ${tsquery(rare)}`,
    rare.length < words.length ? matchesWords(words) : undefined,
    filters,
    // Words alone are always looked up in the same way; beside a range of prices, it may be the better one to begin with.
    filters && plannedAnew,
  );
  const after = cursor && sort ? sql`where ${beyond(sort, cursor, sql`key`, sql`id`)}` : sql``;
  // Two steps: under a limit, the planner would rather read the table until it has met enough.
  const [row] = await reader.execute<{ total: number; ids: string[] }>(sql`
    with found as materialized (
      select ${products.id}, ${key} as key from ${products} where ${matching}
    ), matches as materialized (
      select id, key from found limit ${exactCountMax + 1}
    )
    select (select count(*)::int from matches) as total, array(
      select id from matches ${after}
      order by key ${direction}, id ${direction}
      limit ${rowsToRead(query)} offset ${rowsBefore(query)}
    ) as ids`);
  return { totalItems: row?.total ?? 0, ids: row?.ids ?? [] };
}

/** Ranks the newest matches; the others follow, newest first, so that every match has its place on one page. */
async function rankNewest(
  reader: Reader,
  words: string[],
  filters: SQL | undefined,
  query: ProductQuery,
): Promise<string[]> {
  const [skipped, read] = [rowsBefore(query), rowsToRead(query)];
  const matching = and(isNull(products.deletedAt), matchesWords(words), filters, plannedAnew);
  const rows = await reader.execute<{ id: string }>(sql`
    with newest as materialized (
      select ${products.id}, case when row_number() over (order by ${products.id} desc) <= ${rankedMax}
        then ts_rank(${products.search}, ${tsquery(words)}) end as rank
      from ${products} where ${matching}
      order by ${products.id} desc limit ${Math.max(rankedMax, skipped + read)}
    )
    select id from newest order by rank desc nulls last, id desc limit ${read} offset ${skipped}`);
  return rows.map(({ id }) => id);
}
