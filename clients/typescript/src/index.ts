import { type ClientResponse, hc } from 'hono/client';
import type { Api } from './api.ts';
import type { Problem } from './endpoint.ts';
import { retryAfterMs, type Send, withRetries } from './retry.ts';

export type * from './api.ts';
export type { ErrorCode, Problem } from './endpoint.ts';

/** The API of a shop: a path is a chain of properties, its method a function at the end, and all of it is typed. */
export type ShopClient = ReturnType<typeof hc<Api>>;

export type ClientOptions = {
  /** A token of a sign-in or a key, or what gives the one of the moment; undefined sends none. */
  token?: string | (() => string | undefined | Promise<string | undefined>) | undefined;
  /** How often a request is sent again at most; 2 by default. */
  retriesMax?: number;
  /** A shop that asks for a longer pause than this is not asked again; 10 000 by default. */
  retryWaitMsMax?: number;
  /** What sends requests; `fetch` by default. */
  fetch?: Send;
};

/**
 * A client of a shop. Requests that the shop refuses for a while are sent again when it says, and those whose answer is
 * lost if that is safe; it is for orders, because they get an `Idempotency-Key`, if they have none.
 * @param url where the shop is, as `https://shop.example`
 */
export function createClient(url: string, options: ClientOptions = {}): ShopClient {
  const { token, retriesMax = 2, retryWaitMsMax = 10_000, fetch = globalThis.fetch } = options;
  return hc<Api>(url, {
    headers: async (): Promise<Record<string, string>> => {
      const current = typeof token === 'function' ? await token() : token;
      return current === undefined ? {} : { Authorization: `Bearer ${current}` };
    },
    // Hono calls it with nothing else than what it takes, whatever its type says.
    fetch: withRetries(fetch, { retriesMax, waitMsMax: retryWaitMsMax }) as typeof globalThis.fetch,
  });
}

/** A refusal of the shop. `problem` says why: compare `problem.code`, and the type knows what comes with it. */
export class ShopError extends Error {
  readonly problem: Problem;
  /** How soon it is worth trying again, where the shop says so. */
  readonly retryAfterMs: number | undefined;

  constructor(problem: Problem, waitMs?: number) {
    super(`${problem.title}: ${problem.detail}`);
    this.name = 'ShopError';
    this.problem = problem;
    this.retryAfterMs = waitMs;
  }
}

type AnyAnswer = ClientResponse<unknown, number, string>;

/** What an answer of 2xx holds; undefined for nothing. */
export type ValueOf<Answer> =
  Answer extends ClientResponse<infer Body, infer Status, string>
    ? `${Status}` extends `2${string}`
      ? Body
      : never
    : never;

/**
 * What a request is answered with: JSON parsed, other content as text, undefined for nothing.
 * @throws {ShopError} when the shop refuses; what `fetch` throws when there is no answer; an `Error`, whose `cause` is the
 * response, for other statuses than 2xx that are not the shop's
 */
export async function unwrap<Answer extends AnyAnswer>(request: Answer | Promise<Answer>): Promise<ValueOf<Answer>> {
  const answer = await request;
  const type = answer.headers.get('Content-Type') ?? '';
  if (type.startsWith('application/problem+json')) {
    throw new ShopError((await answer.json()) as Problem, retryAfterMs(answer));
  }
  if (!answer.ok) throw new Error(`The answer is ${answer.status} ${answer.statusText}.`, { cause: answer });
  const value = type.startsWith('application/json') ? await answer.json() : (await answer.text()) || undefined;
  return value as ValueOf<Answer>;
}

/** Which page of a list: a part of its query. */
export type PageOf = { cursor?: string; page?: number };

type Pagination = { nextCursor: string | null; page: number; totalPages: number };
type ItemOf<List> = List extends { data: (infer Item)[] } ? Item : never;

/**
 * Walks a list to its end, item by item: `paginate((page) => client.api.orders.$get({ query: { status: 'pending', ...page } }))`.
 * @throws as `unwrap` does
 */
export async function* paginate<Answer extends AnyAnswer>(
  read: (page: PageOf) => Promise<Answer>,
): AsyncGenerator<ItemOf<ValueOf<Answer>>, void, undefined> {
  for (let page: PageOf | undefined = {}; page; ) {
    const list = (await unwrap(read(page))) as { data: ItemOf<ValueOf<Answer>>[]; pagination: Pagination };
    yield* list.data;
    page = pageAfter(page, list.pagination);
  }
}

function pageAfter(before: PageOf, { nextCursor, page, totalPages }: Pagination): PageOf | undefined {
  if (nextCursor !== null) return { cursor: nextCursor };
  // The best matches of a search have no cursor, but pages.
  return before.cursor === undefined && page < totalPages ? { page: page + 1 } : undefined;
}
