import { pgbenchContender } from '../pgbench.ts';
import { describeRounds, find, type Work } from '../results.ts';
import { underLoad } from '../stage.ts';
import { expectWholeOrders } from '../whole-orders.ts';

export const hotOrder: Work = {
  name: 'hot-order',
  title: 'All orders on the same two products',
  async run({ stage, sizes, servers, measure }) {
    const { connections } = sizes;
    const { tokensFile, directory } = servers;
    const http = [await stage.shop(), await stage.peer('fastify-pg'), await stage.peer('express-sequelize-bull')];
    const { databaseUrl } = await stage.newHome();
    const measured = await measure([
      ...http.map((server) => underLoad(server, { 'hot-order': 1 }, { connections, tokensFile })),
      pgbenchContender('hot-order', { databaseUrl, connections, directory }),
    ]);
    for (const written of [...http, { name: 'pgbench', databaseUrl }]) {
      await expectWholeOrders(written.name, written.databaseUrl);
    }
    return {
      method: 'As above, but every order wants the same two products, so each waits for the locks of the one before.',
      ...describeRounds(measured, 'orders/s'),
      targets: [
        {
          what: 'Shop / pgbench',
          value: find(measured, 'shop').perSecond / find(measured, 'pgbench').perSecond,
          bound: 'at least',
          limit: 4.5,
          unit: '×',
        },
      ],
    };
  },
};
