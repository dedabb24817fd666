import { DrizzleQueryError } from 'drizzle-orm';
import { ShopError, unavailable } from '../errors.ts';

/** Node's and postgres.js' codes for a connection that could not be made or broke. */
const connectionFaults = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);

/**
 * SQLSTATEs (PostgreSQL manual, appendix A) of a server that cannot serve now: connection exceptions (08), insufficient
 * resources (53), operator intervention (57, which holds statement timeouts too), lock and idle timeouts, a standby, a
 * schema that has not been migrated yet, a privilege that the role has lost.
 */
const outOfService = /^(08...|53...|57...|55P03|25006|25P0[34]|42P01|42703|42501)$/;

/** SQLSTATEs with which a server ends a connection: 08, shutdowns and time limits of sessions (57P, 25P). */
const endOfConnection = /^(08...|57P0[1235]|25P0[34])$/;

/** A transaction that may only read: of a standby, or of a server that another one has taken over from. */
const readOnlyTransaction = '25006';

/** Serialization failure and deadlock: the transaction did nothing and may run again. */
const worthRetrying = new Set(['40001', '40P01']);

/** What a connection had prepared is gone, or no longer fits its tables: the next attempt prepares it again. */
const outdatedStatement = new Set(['26000', '0A000']);

/** Two orders came to the same number: the next attempt makes another id, and with it another number. */
const madeAtRandom = 'orders_number_key';

type Fault = { code: string; constraint: string | undefined; cause: Error };

/** Finds the driver's error under Drizzle's wrapper, which carries SQL and parameters and must not leave this folder. */
function findFault(error: unknown): Fault | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('code' in current && typeof current.code === 'string') {
      const constraint = 'constraint_name' in current ? String(current.constraint_name) : undefined;
      return { code: current.code, constraint, cause: current };
    }
  }
  return undefined;
}

export function isRetryable(error: unknown): boolean {
  const { code = '', constraint } = findFault(error) ?? {};
  return worthRetrying.has(code) || outdatedStatement.has(code) || constraint === madeAtRandom;
}

/** Whether `lock_timeout` ended a wait. */
export function isLockTimeout(error: unknown): boolean {
  return findFault(error)?.code === '55P03';
}

/** Whether a table is not there, because the database has not been migrated at all. */
export function isMissingTable(error: unknown): boolean {
  return findFault(error)?.code === '42P01';
}

/** Whether this role may not do what it was to do. */
export function isMissingPrivilege(error: unknown): boolean {
  return findFault(error)?.code === '42501';
}

/** Whether the connection broke, or the server ended it. */
export function isConnectionFault(error: unknown): boolean {
  const code = findFault(error)?.code ?? '';
  return connectionFaults.has(code) || endOfConnection.test(code);
}

/** Whether the connection leads to a server that cannot be written to; what was asked of it has done nothing. */
export function isReadOnly(error: unknown): boolean {
  return findFault(error)?.code === readOnlyTransaction;
}

/** What `ping` throws: Postgres answers, but to write it would be refused. */
export class ReadOnlyServerError extends Error {
  readonly code = readOnlyTransaction;

  constructor() {
    super('Postgres takes no writes: it is a standby, or another server has taken over from it.');
    this.name = 'ReadOnlyServerError';
  }
}

/**
 * Says in the shop's terms what the database meant: a named constraint becomes its rule, a server out of reach becomes
 * `unavailable`. Anything else comes back for the log, without Drizzle's wrapper.
 */
export function translateDatabaseError(error: unknown): unknown {
  const fault = findFault(error);
  if (!fault) return error instanceof DrizzleQueryError ? error.cause : error;
  if (fault.constraint === 'customers_email_key' || fault.constraint === 'customers_email_ascii_key') {
    return new ShopError('email_taken', 'Another account uses this e-mail address.');
  }
  if (fault.constraint === 'products_sku_key') {
    return new ShopError('sku_taken', 'Another product has this SKU.');
  }
  if (connectionFaults.has(fault.code) || outOfService.test(fault.code) || worthRetrying.has(fault.code)) {
    return unavailable('The shop cannot reach its database just now.', fault.cause);
  }
  return fault.cause;
}
