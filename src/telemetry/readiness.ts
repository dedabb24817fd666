import type { Readiness } from '../schema/health.ts';

type Checks = { postgres: () => Promise<'up' | 'down'>; redis: () => Promise<Readiness['checks']['redis']> };

/** Asks what a process needs. Without Postgres it can do nothing, without Redis much of it; `open` is its own consent. */
export async function readReadiness({ postgres, redis }: Checks, open: () => boolean): Promise<Readiness> {
  const [foundPostgres, foundRedis] = await Promise.all([postgres(), redis()]);
  const checks = { postgres: foundPostgres, redis: foundRedis };
  if (foundPostgres === 'down' || !open()) return { status: 'unavailable', checks };
  return { status: foundRedis === 'down' ? 'degraded' : 'ok', checks };
}
