import { afterEach, describe, expect, test } from 'bun:test';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import type { RedisNode } from '../support/redis-node.ts';
import { openShopOn, testAsEver } from '../support/redis-suite.ts';
import { eventually } from '../support/wait.ts';

describe('a shop on a Redis Cluster', () => {
  const opened = openShopOn(() => startRedisCluster({ replicas: 1 }));
  const cluster = (): RedisCluster => opened.group();
  const repairs: (() => unknown)[] = [];

  async function lose(...nodes: RedisNode[]): Promise<void> {
    for (const node of nodes) repairs.push(node.start);
    await Promise.all(nodes.map((node) => node.kill()));
  }

  const repair = () => Promise.all(repairs.splice(0).map((step) => step()));

  afterEach(async () => {
    await repair();
    await cluster().untilWhole();
    await opened.untilWell();
  });

  testAsEver(opened);

  test('its lists and its queues › are on different nodes', async () => {
    const keys = ['cache:{products}:version', 'cache:{customers}:version', '{shop}:mails'];
    const masters = await Promise.all(keys.map(async (key) => (await cluster().nodesOf(key)).master.port));
    expect(new Set(masters).size).toBe(keys.length);
  });

  test('when the node of a list is stuck › goes on, and caches it again once a replica has taken over', async () => {
    await opened.untilCached(opened.listProducts);
    const { master, replicas } = await cluster().nodesOf('cache:{products}:version');
    master.freeze();
    repairs.push(master.thaw);
    await opened.askUntilWell();
    await eventually(async () => (await cluster().nodesOf('cache:{products}:version')).master === replicas[0]);
    await opened.untilCached(opened.listProducts);
    await opened.expectChangeVisible(1);
  });

  test('when the node of the queues is lost › goes on, and sends all mails once a replica has taken over', async () => {
    const { master, replicas } = await cluster().nodesOf('{shop}:mails');
    await lose(master);
    const placed = await opened.askUntilWell();
    await eventually(async () => (await cluster().nodesOf('{shop}:mails')).master === replicas[0]);
    await opened.expectEveryMailOnce(placed);
  });

  test('when a node and its replica are lost › goes on without, and takes it up again when it is back, empty', async () => {
    await opened.untilCached(opened.listProducts);
    const { master, replicas } = await cluster().nodesOf('cache:{products}:version');
    await lose(master, ...replicas);
    await opened.expectWithoutCache();
    const placed = [await opened.place(0), await opened.place(1)];
    for (const api of [0, 1]) await opened.expectChangeVisible(api, [api]);
    await repair();
    placed.push(...(await opened.askUntilWell()));
    await opened.untilCached(opened.listProducts);
    await opened.expectChangeVisible(1);
    await opened.expectEveryMailOnce(placed);
  });
});
