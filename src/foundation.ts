import { type Logger, type LoggerOptions, pino } from 'pino';
import { openDatabase } from './db/client.ts';
import { isConnectionFault } from './db/errors.ts';
import { type Backlog, readBacklog } from './domain/backlog.ts';
import { ShopError } from './errors.ts';
import type { QueueHome } from './jobs/queues.ts';
import { openLogOutput } from './lib/log-output.ts';
import { isRedisAway, openQueueConnection, type RedisProfile } from './redis.ts';
import { type Settings, SettingsError } from './settings.ts';
import { currentTrace } from './spans.ts';

/** Connections to Postgres that one process has for its work. */
export const poolSize = 8;

/** Below what a scrape waits, so that Postgres is not at work for nobody. */
const backlogTimeoutMs = 250;

export const scrapeError = 'the metrics lack what could not be asked for';

/** Opens the log of a process: JSON lines on the standard output, without secrets. */
export function createLog(settings: Settings, name: string): Logger {
  const options: LoggerOptions = {
    name,
    level: settings.logLevel,
    redact: [
      'password',
      '*.password',
      'currentPassword',
      'newPassword',
      'token',
      '*.token',
      'authorization',
      '*.authorization',
      // Where Postgres puts rows and statements.
      'err.detail',
      'err.where',
      'err.internal_query',
      // Where ioredis puts what it was to send: passwords when it signs in, lists of customers when it keeps them.
      'err.command.args',
      'err.lastNodeError.command.args',
      'err.previousErrors[*].command.args',
    ],
    formatters: { level: (label) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    ...(settings.otlpEndpoint && { mixin: currentTrace }),
  };
  const log = pino(
    options,
    openLogOutput((lines) => log.warn({ lines }, `${lines} log lines were dropped`)),
  );
  return log;
}

/** What a process cannot do without, by the variable it comes from. */
const indispensable = { databaseUrl: 'DATABASE_URL', smtpUrl: 'SMTP_URL' } as const;

/**
 * Takes what `npm start` would supply on one machine for granted.
 * @throws {SettingsError} naming every one that is not set
 */
export function requireSettings<Name extends keyof typeof indispensable>(
  settings: Settings,
  ...names: Name[]
): Record<Name, string> {
  const missing = names.filter((name) => settings[name] === undefined);
  if (missing.length > 0) {
    const list = missing.map((name) => `  ${indispensable[name]}: is not set`).join('\n');
    throw new SettingsError(`Something is missing that \`npm start\` supplies on one machine:\n${list}`);
  }
  return settings as Record<Name, string>;
}

/** Finds the queues of this shop a home: in Redis if there is one. Close it after what is in it. */
export function openQueueHome(
  { redis }: Settings,
  databaseUrl: string,
  profile: Exclude<RedisProfile, 'cache'>,
  onError: (error: Error) => void,
): QueueHome & { close: () => void } {
  if (!redis) return { kind: 'postgres', url: databaseUrl, close: () => {} };
  return { kind: 'redis', ...openQueueConnection(redis, profile, onError) };
}

/** Keeps a server that stays away from filling the log: each kind of error is told once a second at most. */
export function errorLog(log: Logger, message: string): (error: unknown) => void {
  let silentUntil = 0;
  return (error) => {
    if (Date.now() < silentUntil) return;
    silentUntil = Date.now() + 1_000;
    log.warn({ err: error }, message);
  };
}

/** Whether an error says no more than that Postgres or Redis is out of reach. */
export function isServerAway(error: unknown): boolean {
  return isConnectionFault(error) || isRedisAway(error) || (error instanceof ShopError && error.code === 'unavailable');
}

/** A connection of its own, so that a scrape says how it stands when all others are taken; made by the first scrape. */
export function openBacklog(databaseUrl: string): { read: () => Promise<Backlog>; close: () => Promise<void> } {
  const { db, close } = openDatabase(databaseUrl, {
    poolSize: 1,
    applicationName: 'shop metrics',
    statementTimeoutMs: backlogTimeoutMs,
  });
  return { read: () => readBacklog(db, new Date()), close: () => close(0) };
}
