import { migrateDatabase } from '../src/db/migrate.ts';
import { readSettingsOf } from '../src/settings.ts';
import { reasonOf } from './reason.ts';

async function migrate(): Promise<void> {
  const { databaseUrl } = readSettingsOf('command');
  if (!databaseUrl) throw new Error('DATABASE_URL is not set: it says which database to migrate.');
  await migrateDatabase(databaseUrl, { onWait: console.log });
  console.log('The database has the newest schema.');
}

// Not awaited at the top level, because Bun can turn only programs without that into bytecode.
migrate().catch((error: unknown) => {
  console.error(reasonOf(error));
  process.exitCode = 1;
});
