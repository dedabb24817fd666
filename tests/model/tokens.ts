import { expect } from 'bun:test';
import { request } from '../support/client.ts';
import { identify, type ShopState } from './state.ts';
import { urlFor, type World } from './world.ts';

/** Expects every token that was ever given out to work, or not to work any more, as the model says. */
export async function expectTokens(world: World, state: ShopState): Promise<void> {
  const sessions = Object.values(state.accounts).flatMap((account) => account.sessions.map(({ name }) => name));
  const statuses = await Promise.all(
    sessions.map(async (name, turn) => {
      const url = urlFor(world, world.callsMade + turn);
      const { status } = await request(url, 'GET', '/api/orders?limit=1', { token: world.tokens.get(name) });
      return [name, status];
    }),
  );
  expect(statuses).toEqual(sessions.map((name) => [name, identify(state, name) ? 200 : 401]));
}
