import { readFileSync } from 'node:fs';
import type { OrderBody } from '../../src/schema/orders.ts';
import { pgbenchContender } from '../pgbench.ts';
import { describeRounds, find, type Work } from '../results.ts';
import { expectSameAnswers, underLoad } from '../stage.ts';
import { expectWholeOrders } from '../whole-orders.ts';

const lines = [1, 2].map((number) => ({
  productId: `01900000-0000-7000-8000-10000000000${number}`,
  quantity: number,
}));

/** Places an order, and answers what of it does not change from one to the next. */
async function placeSampleOrder(url: string, tokensFile: string): Promise<unknown> {
  const [token] = readFileSync(tokensFile, 'utf8').split('\n');
  const response = await fetch(`${url}/api/orders`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
    body: JSON.stringify({ items: lines }),
  });
  const order = (await response.json()) as OrderBody;
  const { customerId, totalCents, currency, status, items } = order;
  return { code: response.status, fields: Object.keys(order), customerId, totalCents, currency, status, items };
}

export const order: Work = {
  name: 'order',
  title: 'Placing an order of two lines',
  async run({ stage, sizes, servers, measure }) {
    const { connections } = sizes;
    const { tokensFile, directory } = servers;
    const home = await stage.newHome();
    const shop = await stage.shop(home);
    const peers = [await stage.peer('fastify-pg'), await stage.peer('express-sequelize-bull')];
    await expectSameAnswers([shop, ...peers], (url) => placeSampleOrder(url, tokensFile));
    const { databaseUrl } = await stage.newHome();
    const measured = await measure([
      ...[shop, ...peers].map((server) => underLoad(server, { order: 1 }, { connections, tokensFile })),
      pgbenchContender('order', { databaseUrl, connections, directory }),
    ]);
    const alone = await measure([
      { ...underLoad(shop, { order: 1 }, { connections: 1, tokensFile }), name: 'shop, 1 connection' },
      { ...pgbenchContender('order', { databaseUrl, connections: 1, directory }), name: 'pgbench, 1 connection' },
    ]);
    stage.worker(home);
    const beside = await measure([
      { ...underLoad(shop, { order: 1 }, { connections, tokensFile }), name: 'shop, its worker mailing' },
    ]);
    for (const written of [...[shop, ...peers], { name: 'pgbench', databaseUrl }]) {
      await expectWholeOrders(written.name, written.databaseUrl);
    }
    const ours = find(measured, 'shop');
    return {
      method:
        '`POST /api/orders` by 1 000 customers, two random products of 10 000. Order, lines, stock, history and mail are committed, with `fsync`, before the answer. pgbench writes the same rows with one statement of data-modifying CTEs, one order a transaction. In the last row a worker sends the mails of these orders meanwhile, on the same two cores.',
      ...describeRounds([...measured, ...alone, ...beside], 'orders/s'),
      targets: [
        {
          what: 'Shop / pgbench',
          value: ours.perSecond / find(measured, 'pgbench').perSecond,
          bound: 'at least',
          limit: 1.1,
          unit: '×',
        },
        {
          what: 'Shop / Fastify + pg',
          value: ours.perSecond / find(measured, 'fastify-pg').perSecond,
          bound: 'at least',
          limit: 3,
          unit: '×',
        },
        { what: `p99 at ${connections} connections`, value: ours.p99Ms, bound: 'at most', limit: 35, unit: 'ms' },
        {
          what: 'A lone order',
          value: find(alone, 'shop, 1 connection').p50Ms,
          bound: 'at most',
          limit: 2,
          unit: 'ms',
        },
      ],
    };
  },
};
