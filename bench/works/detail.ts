import { pgbenchContender } from '../pgbench.ts';
import { describeRounds, find, type Work } from '../results.ts';
import { expectSameAnswers, underLoad } from '../stage.ts';

const firstProduct = '/api/products/01900000-0000-7000-8000-100000000001';

export const detail: Work = {
  name: 'detail',
  title: 'Product by id',
  async run({ stage, sizes, servers, measure }) {
    const { connections } = sizes;
    const { tokensFile, directory } = servers;
    const http = [await stage.shop(), await stage.peer('fastify-pg'), await stage.peer('express-sequelize-bull')];
    await expectSameAnswers(http, async (url) => (await fetch(url + firstProduct)).json());
    const { databaseUrl } = await stage.newHome();
    const measured = await measure([
      ...http.map((server) => underLoad(server, { detail: 1 }, { connections, tokensFile })),
      pgbenchContender('detail', { databaseUrl, connections, directory }),
    ]);
    const ours = find(measured, 'shop').perSecond;
    return {
      method:
        '`GET /api/products/:id`, never cached, random ids out of 10 000. pgbench selects the same columns by the same key with a prepared statement.',
      ...describeRounds(measured, 'products/s'),
      targets: [
        {
          what: 'Shop / pgbench',
          value: ours / find(measured, 'pgbench').perSecond,
          bound: 'at least',
          limit: 0.58,
          unit: '×',
        },
        {
          what: 'Shop / Fastify + pg',
          value: ours / find(measured, 'fastify-pg').perSecond,
          bound: 'at least',
          limit: 2,
          unit: '×',
        },
      ],
    };
  },
};
