import { describeRounds, find, type Work } from '../results.ts';
import { expectSameAnswers, underLoad } from '../stage.ts';

const path = '/api/products?limit=20';

export const list: Work = {
  name: 'list',
  title: 'Cached product list of 20',
  async run({ stage, sizes, servers, measure }) {
    const shop = await stage.shop();
    const peers = [await stage.peer('fastify-pg'), await stage.peer('express-sequelize-bull')];
    await expectSameAnswers([shop, ...peers], async (url) => {
      const { data, pagination } = (await (await fetch(url + path)).json()) as { data: unknown; pagination: object };
      // Cursors are every shop's own.
      return { data, pagination: { ...pagination, nextCursor: null } };
    });
    const body = await (await fetch(shop.url + path)).text();
    const bare = [await stage.plain(body, 'memory'), await stage.plain(body, 'Redis')];
    const load = { connections: sizes.connections, tokensFile: servers.tokensFile };
    const measured = await measure([shop, ...bare, ...peers].map((server) => underLoad(server, { list: 1 }, load)));
    const ours = find(measured, 'shop').perSecond;
    return {
      method: `\`GET ${path}\`, always in the cache, ${body.length} bytes. The bare servers answer the same bytes and do nothing else.`,
      ...describeRounds(measured, 'lists/s'),
      targets: [
        {
          what: 'Shop / bare `Bun.serve` that reads one key of Redis',
          value: ours / find(measured, 'bare Bun.serve, Redis').perSecond,
          bound: 'at least',
          limit: 0.8,
          unit: '×',
        },
        {
          what: 'Shop / Fastify + pg',
          value: ours / find(measured, 'fastify-pg').perSecond,
          bound: 'at least',
          limit: 1.3,
          unit: '×',
        },
      ],
    };
  },
};
