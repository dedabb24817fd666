import { describe, expect, test } from 'bun:test';
import { type SentinelGroup, startSentinelGroup } from '../support/redis-sentinel.ts';
import { openShopOn, testAsEver } from '../support/redis-suite.ts';

describe('a shop on a Redis with Sentinels', () => {
  const opened = openShopOn(() => startSentinelGroup());
  const group = (): SentinelGroup => opened.group();

  testAsEver(opened);

  test('when the primary is lost › goes on without, until the Sentinels have let the replica take over', async () => {
    await opened.untilCached(opened.listProducts);
    const lost = await group().primary();
    // While most Sentinels are away, none of them can act.
    const away = group().sentinels.slice(1);
    await Promise.all([lost, ...away].map((node) => node.kill()));
    await opened.expectWithoutCache();
    await Promise.all(away.map((sentinel) => sentinel.start()));
    const placed = await opened.askUntilWell();
    expect((await group().primary()).port).not.toBe(lost.port);
    await opened.untilCached(opened.listProducts);
    await opened.expectChangeVisible(1);
    await opened.expectEveryMailOnce(placed);
  });
});
