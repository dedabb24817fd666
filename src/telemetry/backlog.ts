import { openDatabase } from '../db/client.ts';
import { ping } from '../db/ping.ts';
import { withReader } from '../db/transaction.ts';
import { type Backlog, readBacklog } from '../domain/outbox/backlog.ts';

/** Below what a scrape waits, so that Postgres is not at work for nobody. */
const statementTimeoutMs = 250;

/** A connection of its own, so that a scrape says how it stands when all others are taken; made by the first scrape. */
export function openBacklog(databaseUrl: string): { read: () => Promise<Backlog>; close: () => Promise<void> } {
  const { db, close } = openDatabase(databaseUrl, {
    poolSize: 1,
    applicationName: 'shop metrics',
    statementTimeoutMs,
  });
  return {
    read: async () => {
      // Leaves a server that another one has taken over from; one that nobody replaces still knows what is to be told.
      await withReader(db, ping).catch(() => {});
      return withReader(db, (reader) => readBacklog(reader));
    },
    close: () => close(0),
  };
}
