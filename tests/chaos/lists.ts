import { type Answer, request } from '../support/client.ts';
import type { Member } from './fleet.ts';
import type { Journal } from './journal.ts';

type Listed = { id: string };
type Page = { data: Listed[]; pagination: { nextCursor: string | null } };

/** The lists of the shop, and how many of their things are compared with what they are by themselves. */
const lists = [
  { path: '/api/products', query: '', max: Number.POSITIVE_INFINITY },
  { path: '/api/customers', query: '', max: Number.POSITIVE_INFINITY },
  { path: '/api/orders', query: '&includeDeleted=true', max: 300 },
];

/** Holds every list, at every API, against the things themselves: a cache that is stale shows here. */
export async function checkLists(apis: Member[], adminToken: string, breach: Journal['breach']): Promise<void> {
  for (const { path, query, max } of lists) {
    const [first, ...others] = await Promise.all(apis.map((api) => readList(api, path, query, max, adminToken)));
    for (const other of others) {
      if (JSON.stringify(other) !== JSON.stringify(first)) breach('Every API gives the same list', path);
    }
    for (const listed of first ?? []) {
      const { body } = await get(apis[0], `${path}/${listed.id}`, adminToken);
      if (JSON.stringify(body) !== JSON.stringify(listed)) {
        breach(
          'Lists show things as they are',
          `${path}: ${JSON.stringify(listed)} instead of ${JSON.stringify(body)}`,
        );
      }
    }
  }
}

async function readList(api: Member, path: string, query: string, max: number, token: string): Promise<Listed[]> {
  const all: Listed[] = [];
  for (let cursor: string | null = ''; cursor !== null && all.length < max; ) {
    const page: Answer<Page> = await get(api, `${path}?limit=100${query}${cursor && `&cursor=${cursor}`}`, token);
    all.push(...page.body.data);
    cursor = page.body.pagination.nextCursor;
  }
  return all;
}

function get<Body>(api: Member | undefined, path: string, token: string): Promise<Answer<Body>> {
  return request<Body>(api?.url ?? '', 'GET', path, { token });
}
