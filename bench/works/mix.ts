import { describeRounds, find, type Work } from '../results.ts';
import { underLoad } from '../stage.ts';

/** Out of a hundred requests. */
export const shares = { list: 80, detail: 15, order: 5 };

export const mix: Work = {
  name: 'mix',
  title: 'Lists, details and orders together',
  async run({ stage, sizes, servers, measure }) {
    const load = { connections: sizes.connections, tokensFile: servers.tokensFile };
    const shop = await stage.shop();
    const measured = await measure([
      { ...underLoad(shop, { list: 1 }, load), name: 'shop, lists alone' },
      { ...underLoad(shop, shares, load), name: 'shop, the mix' },
    ]);
    const listsInMix = (find(measured, 'shop, the mix').perSecond * shares.list) / 100;
    return {
      method: `${shares.list} % lists, ${shares.detail} % products by id and ${shares.order} % orders of two lines, drawn at random for every request of every connection. Orders make the cached lists stale twice a second.`,
      ...describeRounds(measured, 'requests/s'),
      targets: [
        {
          what: 'Lists a second in the mix / lists alone',
          value: listsInMix / find(measured, 'shop, lists alone').perSecond,
          bound: 'at least',
          limit: 0.5,
          unit: '×',
        },
      ],
    };
  },
};
