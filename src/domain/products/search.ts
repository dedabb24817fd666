import { and, isNull, type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { withCustomPlan } from '../../db/planning.ts';
import { products } from '../../db/tables.ts';
import type { ProductQuery, ProductSort } from '../../schema/products.ts';
import { exactCountMax, explain, type PlanNode, rowsBefore, rowsToRead } from '../paging.ts';
import { beyond, sortColumn, sortOrder, upTo } from './sorts.ts';

// How a search is answered, by what is known of it:
//
// | Table | Expected matches                      | Order             | Answer                                         |
// | ----- | ------------------------------------- | ----------------- | ---------------------------------------------- |
// | small |                                       | any               | all matches are looked up, counted and sorted  |
// | large | up to 10 000, and counting shows it   | any               | the same                                       |
// | any   | more, soon met in their order         | a sort, or newest | a walk through the index of that order         |
// | any   | more, behind much that does not match | a sort, or newest | what the index has up to a place in that order |
//
// Without a sort, the best of the newest 500 come first. What a large table holds is first the planner's guess; where
// that says "more", a sample decides, which also tells where in an order the matches lie.

const searchWordsMax = 10;

/** A table of so many bytes is small: whatever matches is sooner looked up than estimated. */
const smallTableBytes = 16 * 1024 * 1024;
/** So many products are looked at to learn how common a search is, on pages all over the table. */
const sampledMax = 10_000;
/**
 * A sample that makes matches out to be so many shows that they are more than are counted: were they fewer, it would
 * have to be five standard deviations off, even if all products of a page matched together.
 */
const manyMatches = 3 * exactCountMax;
/** Of a search with many matches, so many are ranked: the newest. */
const rankedMax = 500;
/** Beside a rarer word, reading a word's entries in the index costs a sixteenth of reading as many products. */
const entriesPerProduct = 16;
/** Alone, entries cost more; and a walk from the newest product costs less than one that leads from page to page. */
const entriesPerProductWalked = { byAge: 2, bySort: 8 };
/** A beginning that more words have is looked up as one. */
const formsMax = 32;

/** What a search has found: how many products, and those of a page in its order, with one more if another page follows. */
export type Matches = { totalItems: number; found: Found[] };

/** A product where its search has met it, and what it goes by there before its id. */
type Found = { id: string; key: string | number | null };

/** The same as Postgres gives it. */
const foundAs = (id: SQLWrapper, key: SQLWrapper) => sql`json_build_object('id', ${id}, 'key', ${key})::text`;
const readFound = (found: string[] = []): Found[] => found.map((each) => JSON.parse(each));

/** What is searched for: folded words, each of which must begin one of the product's, and the filters beside them. */
type Search = { reader: Reader; words: Word[]; filters: SQL | undefined; query: ProductQuery };

/**
 * Finds the products that have every word, in a time that hardly grows with the catalogue. Only the first ten words
 * count, because each costs a walk through all words that begin like it.
 */
export async function searchProducts(
  reader: Reader,
  text: string,
  filters: SQL | undefined,
  query: ProductQuery,
): Promise<Matches> {
  const { words, isSmall } = await foldWords(reader, text);
  if (words.length === 0 || words.some(({ forms }) => forms?.length === 0)) return { totalItems: 0, found: [] };
  const search = { reader, words, filters, query };
  const guess = isSmall ? null : await guessMatches(search);
  let sample = guess && guess.matches >= manyMatches ? await sampleMatches(search, guess) : null;
  if (!sample || sample.matches < manyMatches) {
    const all = await lookUp(search, guess ? rareWords(words, guess.words) : words);
    if (all.totalItems <= exactCountMax) return all;
  }
  sample ??= await sampleMatches(search, guess);
  return { totalItems: Math.max(sample.matches, exactCountMax + 1), found: await firstMatches(search, guess, sample) };
}

/**
 * A folded word, and the words of products that begin with it; null where they are more than are looked up one by one,
 * which costs the index a fraction of looking up a beginning.
 */
type Word = { text: string; forms: string[] | null };

/** The words of a search, folded by the database as those of products are, and whether the table is a small one. */
async function foldWords(reader: Reader, text: string): Promise<{ words: Word[]; isSmall: boolean }> {
  const rows = await reader.execute<{ word: string; forms: string[]; isSmall: boolean }>(sql`
    select word, array(
        select distinct known.word from product_words as known
        where known.word >= asked.word collate "C" and known.word < asked.word || chr(1114111) collate "C"
        limit ${formsMax + 1}
      ) as forms, pg_relation_size('products') <= ${smallTableBytes} as "isSmall"
    from (
      select word, min(place) as place from unnest(search_words(${text})) with ordinality as folded (word, place)
      group by word order by place limit ${searchWordsMax}
    ) as asked
    order by place`);
  return {
    words: rows.map(({ word, forms }) => ({ text: word, forms: forms.length > formsMax ? null : forms })),
    isSmall: rows[0]?.isSmall ?? true,
  };
}

/** Keeps operators out of the words' hands. */
const quoted = (word: string) => `'${word.replaceAll(/['\\]/g, '$&$&')}'`;

/** Every word must occur, each at least as the beginning of one. */
function tsquery(words: Word[]): SQL {
  return sql`${words.map(({ text }) => `${quoted(text)}:*`).join(' & ')}::tsquery`;
}

/** The same for the index: what begins with a word is named where it is known. */
function indexQuery(words: Word[]): SQL {
  const alternatives = words.map(({ text, forms }) => forms?.map(quoted).join(' | ') ?? `${quoted(text)}:*`);
  return sql`${alternatives.map((each) => `(${each})`).join(' & ')}::tsquery`;
}

/** Tests a product that is at hand: unlike `@@`, the function is not looked up in the index. */
function matchesWords(words: Word[]): SQL {
  return sql`ts_match_vq(${products.search}, ${tsquery(words)})`;
}

type Guess = { matches: number; products: number; words: number[] };

/** Asks the planner how many products there are, how many match, and how many have each word. */
async function guessMatches({ reader, words, filters }: Search): Promise<Guess> {
  const matching = and(isNull(products.deletedAt), sql`${products.search} @@ ${indexQuery(words)}`, filters);
  const each = (words.length === 1 ? [] : words).map((word, index) => {
    const alias = sql.identifier(`word_${index}`);
    return sql`select 1 from products as ${alias} where ${alias}.search @@ ${indexQuery([word])}`;
  });
  const plan = await explain(
    reader,
    sql.join(
      [sql`select 1 from products where ${matching}`, sql`select 1 from products as everything`, ...each],
      sql` union all `,
    ),
  );
  // Found by name, because the planner leaves out what it can prove empty.
  const matches = expectedRows(plan, 'products');
  return {
    matches,
    products: expectedRows(plan, 'everything'),
    words: words.length === 1 ? [matches] : words.map((_, index) => expectedRows(plan, `word_${index}`)),
  };
}

function expectedRows(plan: PlanNode, alias: string): number {
  if (plan.Alias === alias) return plan['Plan Rows'];
  return (plan.Plans ?? []).reduce((rows, child) => rows + expectedRows(child, alias), 0);
}

/** The words to look up: the rarest, and those whose entries cost less than the products they rule out. */
function rareWords(words: Word[], expected: number[]): Word[] {
  const fewest = Math.min(...expected);
  return words.filter((_, index) => (expected[index] ?? 0) <= entriesPerProduct * Math.max(fewest, 1));
}

function lookUp({ reader, words, filters, query }: Search, rare: Word[]): Promise<Matches> {
  const matching = and(
    isNull(products.deletedAt),
    sql`${products.search} @@ ${indexQuery(rare)}`,
    rare.length < words.length ? matchesWords(words) : undefined,
    filters,
    // Words alone are always looked up in the same way; beside a range of prices, it may be the better one to begin with.
    filters && withCustomPlan,
  );
  return lookUpMatches(reader, matching, query, sql`ts_rank(${products.search}, ${tsquery(words)})`);
}

/**
 * Counts and sorts up to one match more than are counted; with that one, what is found is not that of the page.
 * @param rank what to order by where no sort is asked for, the highest first
 */
export async function lookUpMatches(
  reader: Reader,
  matching: SQL | undefined,
  query: ProductQuery,
  rank: SQL = sql`null`,
): Promise<Matches> {
  const { sort, cursor } = query;
  const key = sort ? (sortColumn(sort) ?? sql`null`) : rank;
  const direction = sort && !sort.startsWith('-') ? sql`asc` : sql`desc`;
  const after = cursor && sort ? sql`where ${beyond(sort, cursor, sql`key`, sql`id`)}` : sql``;
  // Two steps: under a limit, the planner would rather read the table until it has met enough.
  const [row] = await reader.execute<{ total: number; page: string[] }>(sql`
    with found as materialized (
      select ${products.id}, ${key} as key from ${products} where ${matching}
    ), matches as materialized (
      select id, key from found limit ${exactCountMax + 1}
    )
    select (select count(*)::int from matches) as total, array(
      select ${foundAs(sql`id`, sql`key`)} from matches ${after}
      order by key ${direction}, id ${direction}
      limit ${rowsToRead(query)} offset ${rowsBefore(query)}
    ) as page`);
  return { totalItems: row?.total ?? 0, found: readFound(row?.page) };
}

/** The order that a search with many matches goes by. */
const orderOf = ({ sort }: ProductQuery): ProductSort => sort ?? '-createdAt';

/** How many of the first matches in that order it takes to know a page. */
function matchesNeeded(query: ProductQuery): number {
  const needed = rowsBefore(query) + rowsToRead(query);
  return query.sort ? needed : Math.max(rankedMax, needed);
}

type Sample = {
  /** How many products match. */
  matches: number;
  /** A place in the order that the needed matches lie before, with room to spare; null when all of the rest may be needed. */
  end: { key: string | number | null; id: string } | null;
  /** How many matches lie from where the page begins to that place. */
  matchesToEnd: number;
  /** How many products a walk passes until it has met all matches that are needed. */
  productsWalked: number;
};

/** Estimates from the same few pages every time, so that the estimates stand still; of a small table, from all pages. */
async function sampleMatches({ reader, words, filters, query }: Search, guess: Guess | null): Promise<Sample> {
  const share = guess ? Math.min(1, sampledMax / Math.max(guess.products, 1)) : 1;
  const order = orderOf(query);
  const expected = share * matchesNeeded(query);
  const enough = Math.ceil(expected + 3 * Math.sqrt(expected)) + 1;
  const [key, id] = [sql`sample.key`, sql`sample.id`];
  const begun = query.cursor ? beyond(order, query.cursor, key, id) : sql`true`;
  const ordered = sql.join(sortOrder(order, key, id), sql`, `);
  const placeOf = (column: string, place: number) =>
    sql`(select ${sql.identifier(column)} from ahead where place = ${place})`;
  const met = { key: placeOf('key', Math.ceil(expected)), id: placeOf('id', Math.ceil(expected)) };
  type Row = Pick<Sample, 'matches' | 'matchesToEnd' | 'productsWalked'> & {
    sampled: number;
    key: string | number;
    id: string | null;
  };
  const [row] = await reader.execute<Row>(sql`
    with sample as materialized (
      select ${products.id}, ${sortColumn(order) ?? sql`null::int`} as key,
        ${and(isNull(products.deletedAt), matchesWords(words), filters)} as matches
      from products tablesample system (${100 * share}) repeatable (0)
      where ${withCustomPlan}
    ), ahead as materialized (
      select id, key, row_number() over (order by ${ordered}) as place
      from (select id, key from sample where matches and ${begun} order by ${ordered} limit ${enough}) as sample
    )
    select ${placeOf('key', enough)} as key, ${placeOf('id', enough)} as id, count(*)::int as sampled,
      (count(*) filter (where matches))::int as matches, (select count(*)::int from ahead) as "matchesToEnd",
      (count(*) filter (where ${begun} and coalesce(${upTo(order, met, key, id)}, true)))::int as "productsWalked"
    from sample`);
  if (!row?.sampled) return { matches: 0, end: null, matchesToEnd: 0, productsWalked: 0 };
  const times = (count: number) => Math.round((count * (guess?.products ?? row.sampled)) / row.sampled);
  return {
    matches: times(row.matches),
    end: row.id ? { key: row.key, id: row.id } : null,
    matchesToEnd: times(row.matchesToEnd),
    productsWalked: times(row.productsWalked),
  };
}

/**
 * The page of a search with many matches. A walk that would pass much that does not match gives way to the index of
 * words, of which it takes what lies up to the sample's place; should that be too little, the walk has it.
 */
async function firstMatches(search: Search, guess: Guess | null, sample: Sample): Promise<Found[]> {
  const { words, query } = search;
  const rare = guess ? rareWords(words, guess.words) : words;
  const entries = words.reduce((sum, word, place) => sum + (rare.includes(word) ? (guess?.words[place] ?? 0) : 0), 0);
  const perProduct = entriesPerProductWalked[sortColumn(orderOf(query)) ? 'bySort' : 'byAge'];
  if (sample.matchesToEnd + (entries + sample.productsWalked) / perProduct < sample.productsWalked) {
    const taken = await takeMatches(search, { rare, end: sample.end });
    if (!sample.end || taken.count >= matchesNeeded(query)) return taken.found;
  }
  return (await takeMatches(search, null)).found;
}

/** Takes the first matches in their order, by a walk through its index or from the index of words up to a place. */
async function takeMatches(
  { reader, words, filters, query }: Search,
  lookedUp: { rare: Word[]; end: Sample['end'] } | null,
): Promise<{ count: number; found: Found[] }> {
  const order = orderOf(query);
  const ordered = sql.join(sortOrder(order), sql`, `);
  const matching = and(
    isNull(products.deletedAt),
    lookedUp ? sql`${products.search} @@ ${indexQuery(lookedUp.rare)}` : undefined,
    !lookedUp || lookedUp.rare.length < words.length ? matchesWords(words) : undefined,
    filters,
    query.cursor ? beyond(order, query.cursor) : undefined,
    lookedUp?.end ? upTo(order, lookedUp.end) : undefined,
    withCustomPlan,
  );
  const rank = query.sort
    ? sql`null::real`
    : sql`case when row_number() over (order by ${ordered}) <= ${rankedMax}
        then ts_rank(${products.search}, ${tsquery(words)}) end`;
  const walked = lookedUp ? sql`` : sql`order by ${ordered} limit ${matchesNeeded(query)}`;
  const taken = sql.raw(lookedUp ? 'nearest' : 'walked');
  // Every match has its place on one page: behind the ranked ones the others follow in their order.
  const [row] = await reader.execute<{ count: number; page: string[] }>(sql`
    with ${taken} as materialized (
      select ${products.id}, ${sortColumn(order) ?? sql`null`} as key, row_number() over (order by ${ordered}) as place,
        ${rank} as rank
      from ${products} where ${matching} ${walked}
    )
    select (select count(*)::int from ${taken}) as count, array(
      select ${foundAs(sql`id`, sql`key`)} from ${taken} order by rank desc nulls last, place
      limit ${rowsToRead(query)} offset ${rowsBefore(query)}
    ) as page`);
  return { count: row?.count ?? 0, found: readFound(row?.page) };
}
