import { afterAll, beforeAll, describe, test } from 'bun:test';
import { registerCustomer, request } from './support/client.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';

const failuresMax = 10;

let shop: Shop;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
});

afterAll(() => shop.stop());

describe('POST /api/auth/login', () => {
  describe('when guesses wait for their turn until they are told 503', () => {
    test('none of them is counted, once Postgres is back', async () => {
      const { email } = await registerCustomer(shop.url);
      const body = { email, password: 'not the password' };
      const guess = () => request(shop.api(0).url, 'POST', '/api/auth/login', { body });
      shop.postgresLink.hang();
      const gone = await Promise.all(Array.from({ length: failuresMax + 2 }, guess));
      await shop.postgresLink.restore();
      for (const answer of gone) expectProblem(answer, 503, 'unavailable');
      // Each waits for those before it, so that whatever is done with the others is done.
      for (let time = 0; time < failuresMax; time += 1) expectProblem(await guess(), 401, 'invalid_credentials');
      expectProblem(await guess(), 429, 'rate_limited');
    });
  });
});
