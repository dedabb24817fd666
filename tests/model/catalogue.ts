import { expect } from 'bun:test';
import { isDeepStrictEqual } from 'node:util';
import type { ProductBody } from '../../src/schema/products.ts';
import { request } from '../support/client.ts';
import { eventually } from '../support/wait.ts';
import type { ShopState } from './state.ts';
import { urlFor, type World } from './world.ts';

type Catalogue = Record<string, { name: string; priceCents: number }>;

const slowListMsMax = 10_000;
/** The log tells of trouble with Redis once a second at most. */
const silenceMsMax = 1_000;

/**
 * Expects the product list to show exactly what there is, at the first look. It may take a while only when there has
 * been trouble with Redis `since` (Unix ms) the last change. Stock is left out: it may lag.
 */
export async function expectCatalogue(world: World, { products }: ShopState, since: number): Promise<void> {
  const onSale = Object.entries(products).filter(([, { deleted }]) => !deleted);
  const expected = Object.fromEntries(onSale.map(([key, { name, priceCents }]) => [key, { name, priceCents }]));
  const listed = await readCatalogue(world);
  if (isDeepStrictEqual(listed, expected)) return;
  if (!hadTroubleWithRedis(world, since)) expect(listed).toEqual(expected);
  await eventually(async () => isDeepStrictEqual(await readCatalogue(world), expected), { withinMs: slowListMsMax });
}

async function readCatalogue(world: World): Promise<Catalogue> {
  const path = `/api/products?q=${world.word}&limit=100`;
  const { body } = await request<{ data: ProductBody[] }>(urlFor(world, world.callsMade), 'GET', path);
  return Object.fromEntries(
    body.data.map(({ id, name, priceCents }) => [world.names.nameOf(id), { name, priceCents }]),
  );
}

function hadTroubleWithRedis({ shop, urls }: World, since: number): boolean {
  const lines = urls.flatMap((_url, index) => shop.api(index).log());
  return lines.some(
    ({ msg, time }) => msg === 'redis is out of reach' && Date.parse(String(time)) >= since - silenceMsMax,
  );
}
