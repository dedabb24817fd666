import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import { isConnectionFault } from '../db/errors.ts';
import { ping } from '../db/ping.ts';
import { UnfitDatabaseError } from '../db/server.ts';
import { withReader } from '../db/transaction.ts';
import { ShopError } from '../errors.ts';
import { createLog } from '../lib/log.ts';
import { askInfo, isDenied, isRedisAway } from '../lib/redis.ts';
import { type Settings, SettingsError } from '../settings.ts';
import { currentTrace } from '../telemetry/spans.ts';

/** Connections to Postgres that one process has for its work. */
export const poolSize = 8;

export const scrapeError = 'the metrics lack what could not be asked for';

/** `SET` with `NX` and `GET` at once. */
const redisMajorMin = 7;

/** How long a permission that was missing counts as missing, unless it is asked for again. */
const denialMs = 10_000;

/** Kinds of lasting errors that are told of one thing. */
const toldMax = 100;

/** Says what a setting gives up, where that should be on purpose. */
export function warnOfSettings({ production, webhookTargets }: Settings, log: Logger): void {
  if (production && webhookTargets === 'any') {
    log.warn('WEBHOOK_TARGETS is any: an admin can have this shop post into its own network');
  }
}

/** Opens the log of a process; its lines name the trace that they belong to, where traces are exported. */
export function openLog({ logLevel, otlpEndpoint }: Settings, name: string): Logger {
  return createLog(name, logLevel, otlpEndpoint ? currentTrace : undefined);
}

/** What a process cannot do without, by the variable it comes from. */
const indispensable = { databaseUrl: 'DATABASE_URL', mailServer: 'SMTP_URL' } as const;

/**
 * Takes what `npm start` would supply on one machine for granted.
 * @throws {SettingsError} naming every one that is not set
 */
export function requireSettings<Name extends keyof typeof indispensable>(
  settings: Settings,
  ...names: Name[]
): { [Key in Name]: NonNullable<Settings[Key]> } {
  const missing = names.filter((name) => settings[name] === undefined);
  if (missing.length > 0) {
    const list = missing.map((name) => `  ${indispensable[name]}: is not set`).join('\n');
    throw new SettingsError(`Something is missing that \`npm start\` supplies on one machine:\n${list}`);
  }
  return settings as { [Key in Name]: NonNullable<Settings[Key]> };
}

/**
 * What tokens by mail are made with, and second factors sealed. Unset, as only outside production, it is taken from the
 * database's address, which API and worker have in common: each with a random one of its own, no token of a mail would
 * work.
 */
export function tokenSecretOf({ tokenSecret }: Settings, databaseUrl: string, log: Logger): string {
  if (tokenSecret) return tokenSecret;
  log.warn('TOKEN_SECRET is not set: those who know DATABASE_URL can make tokens, as those of mails');
  return createHash('sha256').update(`tokens of ${databaseUrl}`).digest('hex');
}

/**
 * Keeps a server that stays away from filling the log: each kind of error is told once a second at most. What will not
 * pass by itself, because somebody has to change the server or its privileges, is told as an error, and once.
 */
export function errorLog(log: Logger, message: string): (error: unknown) => void {
  let silentUntil = Number.NEGATIVE_INFINITY;
  const told = new Set<string>();
  return (error) => {
    if (isLasting(error)) {
      if (told.has(error.message) || told.size >= toldMax) return;
      told.add(error.message);
      log.error({ err: error }, `${message}: ${error.message}`);
      return;
    }
    if (performance.now() < silentUntil) return;
    silentUntil = performance.now() + 1_000;
    log.warn({ err: error }, message);
  };
}

/** Whether an error says no more than that Postgres or Redis is out of reach. */
export function isServerAway(error: unknown): boolean {
  return isConnectionFault(error) || isRedisAway(error) || (error instanceof ShopError && error.code === 'unavailable');
}

/** Whether Postgres answers on the connections that a process works with. */
export function databaseStatus(db: Database): Promise<'up' | 'down'> {
  return withReader(db, ping).then(
    () => 'up' as const,
    () => 'down' as const,
  );
}

function isLasting(error: unknown): error is Error {
  return error instanceof UnfitDatabaseError || isDenied(error);
}

/** Remembers that Redis has refused a command for want of a permission: it answers a ping, and is of no use. */
export function watchDenials() {
  let deniedAt = Number.NEGATIVE_INFINITY;
  const recently = () => performance.now() - deniedAt < denialMs;
  return {
    /** Takes note of what an error says before it is told. */
    heard: (tell: (error: unknown) => void) => (error: unknown) => {
      if (isDenied(error)) deniedAt = performance.now();
      tell(error);
    },
    /** The status of a Redis, `down` for a while after a refusal. */
    asDown:
      <Status>(status: () => Promise<Status>) =>
      async () =>
        recently() ? ('down' as const) : status(),
  };
}

export type Denials = ReturnType<typeof watchDenials>;

/**
 * Finds out whether BullMQ may ask this Redis what it is, and says so when it is too old. One that cannot be asked now is
 * taken for one that can.
 */
export async function checkRedis({ redis }: Settings, log: Logger): Promise<{ skipVersionCheck: boolean }> {
  const info = redis ? await askInfo(redis) : '';
  const [, version] = /^redis_version:(\S+)/m.exec(info ?? '') ?? [];
  if (version && Number.parseInt(version, 10) < redisMajorMin) {
    log.error(
      { version },
      `this Redis is older than ${redisMajorMin}, which the cache needs: lists come from Postgres`,
    );
  }
  return { skipVersionCheck: info === null };
}
