// What `npm run test:growth` runs: makes a large shop beside a small one, holds every statement against its indexes and
// the large shop against its targets. Sizes: --products N --customers N --orders N; --write puts the figures into docs/growth.md.

import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startPostgres } from '../../standalone/postgres.ts';
import { startRedis } from '../support/redis-server.ts';
import type { Shop } from '../support/shop.ts';
import { postgresSettings, prepareTestbeds, testbedsMax } from '../support/testbed-servers.ts';
import { changeStockOften } from './churn.ts';
import { measureGrowth } from './measure.ts';
import { describeGrowth, isMet, targetLine, writeGrowth } from './report.ts';
import { recordWalk, startGrownShop } from './shop.ts';
import { faultOf } from './statements.ts';

const { values } = parseArgs({
  options: {
    products: { type: 'string', default: '1000000' },
    customers: { type: 'string', default: '200000' },
    orders: { type: 'string', default: '5000000' },
    updates: { type: 'string', default: '1000000' },
    write: { type: 'boolean', default: false },
  },
});
const large = { products: Number(values.products), customers: Number(values.customers), orders: Number(values.orders) };
const updates = Number(values.updates);
if (![...Object.values(large), updates].every((count) => Number.isInteger(count) && count > 0)) {
  console.error('--products, --customers, --orders and --updates are whole numbers above 0.');
  process.exit(2);
}
const small = { products: 10_000, customers: 1_000, orders: 10_000 };
const changedProducts = 5_000;
/** So often, a prepared statement has been run when it gets the plan that it keeps. */
const runsUntilPlanKept = 6;

/** The large shop's indexes fit in, as they do on a server of its size. */
const memory = {
  shared_buffers: '2GB',
  maintenance_work_mem: '512MB',
  max_wal_size: '16GB',
  wal_level: 'minimal',
  max_wal_senders: '0',
};

const directory = mkdtempSync(join(tmpdir(), 'shop-growth-'));
const tearDown: (() => unknown)[] = [() => rmSync(directory, { recursive: true, force: true })];
let exitCode = 1;

async function makeShop(size: typeof large): Promise<{ shop: Shop; seconds: number }> {
  const startedAt = Date.now();
  const shop = await startGrownShop(size);
  tearDown.push(shop.stop);
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  console.log(`${size.products} products and ${size.orders} orders: made in ${seconds} s.`);
  return { shop, seconds };
}

try {
  // As root, Postgres runs under another account, which has to get at its data.
  chmodSync(directory, 0o755);
  process.env.TEST_LOGS = join(directory, 'logs');
  mkdirSync(process.env.TEST_LOGS);
  const redis = await startRedis({ databases: testbedsMax + 1 });
  tearDown.push(redis.stop);
  const settings = { ...postgresSettings, ...memory };
  const database = await startPostgres({ directory: join(directory, 'postgres'), settings });
  tearDown.push(() => rmSync(database.cluster, { recursive: true, force: true }), database.stop);
  await prepareTestbeds(database.url);
  process.env.TEST_DATABASE_URL = database.url;
  process.env.TEST_REDIS_URL = redis.url;

  const { shop: smallShop } = await makeShop(small);
  const { shop: largeShop, seconds: seedSeconds } = await makeShop(large);
  const targets = await measureGrowth(smallShop, largeShop, large.orders);
  for (const target of targets) console.log(targetLine(target));

  const ofSmall = await recordWalk(smallShop, 'auto', runsUntilPlanKept);
  const ofLarge = await recordWalk(largeShop, 'auto', runsUntilPlanKept);
  const generic = await recordWalk(largeShop, 'force_generic_plan');
  const faults = new Set([...ofLarge.recorded, ...generic.recorded].flatMap((entry) => faultOf(entry) ?? []));
  console.log(`${ofLarge.recorded.length + generic.recorded.length} statements, ${faults.size} faults.`);
  for (const fault of faults) console.log(fault);

  const churn = await changeStockOften(largeShop.db, { updates, products: changedProducts });
  console.log(`Of ${updates} updates of stock, ${(churn.hotShare * 100).toFixed(1)} % touched no index.`);
  const recorded = { small: ofSmall.recorded, large: ofLarge.recorded };
  const text = describeGrowth({ small, large, seedSeconds, recorded, targets, churn: { ...churn, updates } });
  if (values.write) writeGrowth(text);
  exitCode = faults.size === 0 && targets.every(isMet) ? 0 : 1;
} finally {
  for (const step of tearDown.reverse()) await step();
}
process.exit(exitCode);
