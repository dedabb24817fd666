import { migrateDatabase } from '../src/db/migrate.ts';
import { readSettingsOf } from '../src/settings.ts';

async function migrate(): Promise<void> {
  const { databaseUrl } = readSettingsOf('command');
  if (!databaseUrl) throw new Error('DATABASE_URL is not set: it says which database to migrate.');
  await migrateDatabase(databaseUrl, { onWait: console.log });
  console.log('The database has the newest schema.');
}

/** The innermost cause's own words on one line: the errors around it carry SQL and parameters. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && error.cause !== undefined) return reasonOf(error.cause);
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, ' ');
}

// Not awaited at the top level, because Bun can turn only programs without that into bytecode.
migrate().catch((error: unknown) => {
  console.error(reasonOf(error));
  process.exitCode = 1;
});
