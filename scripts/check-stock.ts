import { openDatabase } from '../src/db/client.ts';
import { schemaIsCurrent } from '../src/db/migrate.ts';
import { withReader } from '../src/db/transaction.ts';
import { stockMismatches } from '../src/domain/products/stock-check.ts';
import { readSettingsOf } from '../src/settings.ts';
import { reasonOf } from './reason.ts';

/** A product that is in very many orders takes long, and nobody waits for it. */
const batchMsMax = 60_000;
const closeTimeoutMs = 5_000;

/** Prints each product that does not add up. @returns how many there are */
async function checkStock(): Promise<number> {
  const { databaseUrl } = readSettingsOf('command');
  if (!databaseUrl) throw new Error('DATABASE_URL is not set: it says which database to check.');
  const { db, close } = openDatabase(databaseUrl, {
    poolSize: 1,
    applicationName: 'shop check',
    statementTimeoutMs: batchMsMax,
  });
  try {
    if (!(await schemaIsCurrent(db)))
      throw new Error('The database lacks the newest schema: run `bun run db:migrate`.');
    let mismatches = 0;
    for await (const found of stockMismatches((work) => withReader(db, work, performance.now() + batchMsMax))) {
      mismatches += found.length;
      for (const { id, stock, ordered, booked } of found) {
        console.log(`${id}: stock ${stock} + ${ordered} in live orders is not ${booked}, the sum of its stock changes`);
      }
    }
    return mismatches;
  } finally {
    await close(closeTimeoutMs);
  }
}

// Not awaited at the top level, because Bun can turn only programs without that into bytecode.
checkStock()
  .then((mismatches) => {
    console.log(mismatches === 0 ? 'The stock of every product adds up.' : `${mismatches} products do not add up.`);
    if (mismatches > 0) process.exitCode = 1;
  })
  .catch((error: unknown) => {
    console.error(reasonOf(error));
    process.exitCode = 1;
  });
