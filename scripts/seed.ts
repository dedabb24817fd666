import { parseArgs } from 'node:util';
import { openDatabase } from '../src/db/client.ts';
import { schemaIsCurrent } from '../src/db/migrate.ts';
import { type SeedKind, seededIntervalMs, seedShop } from '../src/db/seed.ts';
import { hashPassword } from '../src/domain/customers/passwords.ts';
import { registrationSchema } from '../src/schema/customers.ts';
import { readSettingsOf } from '../src/settings.ts';
import { reasonOf } from './reason.ts';

const countMax = 10_000_000;
const reportEveryMs = 10_000;
const barWidth = 30;
const closeTimeoutMs = 5_000;

function readArguments() {
  const { values } = parseArgs({
    options: {
      products: { type: 'string', default: '400' },
      customers: { type: 'string', default: '60' },
      orders: { type: 'string', default: '200' },
      password: { type: 'string', default: 'correct-horse-battery' },
    },
  });
  const count = (kind: SeedKind) => {
    const wanted = Number(values[kind]);
    if (/^\d+$/.test(values[kind]) && wanted <= countMax) return wanted;
    throw new Error(`--${kind} must be a whole number from 0 to ${countMax}.`);
  };
  const password = registrationSchema.shape.password.safeParse(values.password);
  if (!password.success) throw new Error(`--password ${password.error.issues[0]?.message}.`);
  return {
    products: count('products'),
    customers: count('customers'),
    orders: count('orders'),
    password: password.data,
  };
}

/** Shows progress on one line of a terminal; elsewhere a line at the end of each kind and every now and then before. */
function createProgress(out: NodeJS.WriteStream) {
  let reportedAt = Date.now();
  return (kind: SeedKind, done: number, total: number) => {
    const count = `${done.toLocaleString('en')} of ${total.toLocaleString('en')} ${kind}`;
    if (out.isTTY) {
      const filled = Math.round((barWidth * done) / total);
      out.write(
        `\r\x1b[K[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}] ${count}${done === total ? '\n' : ''}`,
      );
    } else if (done === total || Date.now() - reportedAt >= reportEveryMs) {
      reportedAt = Date.now();
      out.write(`${count}\n`);
    }
  };
}

async function seed(): Promise<void> {
  const { password, ...counts } = readArguments();
  const { databaseUrl, currency, orderStatusIntervalMs } = readSettingsOf('command');
  if (!databaseUrl) throw new Error('DATABASE_URL is not set: it says which database to fill.');
  const startedMs = Date.now();
  const { db, close } = openDatabase(databaseUrl, { poolSize: 1, applicationName: 'shop seed' });
  try {
    if (!(await schemaIsCurrent(db)))
      throw new Error('The database lacks the newest schema: run `bun run db:migrate`.');
    const { exampleEmail } = await seedShop(db, {
      ...counts,
      currency,
      now: new Date(),
      passwordHash: await hashPassword(password),
      statusIntervalMs: orderStatusIntervalMs ?? seededIntervalMs,
      onProgress: createProgress(process.stdout),
    });
    const seconds = ((Date.now() - startedMs) / 1_000).toFixed(1);
    console.log(
      `Added ${counts.products} products, ${counts.customers} customers and ${counts.orders} orders in ${seconds} s.`,
    );
    if (exampleEmail) console.log(`Every new customer's password is ${password}; one of them is ${exampleEmail}.`);
  } finally {
    await close(closeTimeoutMs);
  }
}

try {
  await seed();
} catch (error) {
  console.error(reasonOf(error));
  process.exitCode = 1;
}
