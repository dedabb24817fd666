import { type Logger, type LoggerOptions, pino } from 'pino';
import { openLogOutput } from './log-output.ts';

/** Where secrets and people's data stand in what is logged. */
const secretFields = [
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
];

/** Opens a log: JSON lines on the standard output, without secrets. `mixin` adds its fields to every line. */
export function createLog(name: string, level: string, mixin?: LoggerOptions['mixin']): Logger {
  const options: LoggerOptions = {
    name,
    level,
    redact: secretFields,
    formatters: { level: (label) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    ...(mixin && { mixin }),
  };
  const log = pino(
    options,
    openLogOutput((lines) => log.warn({ lines }, `${lines} log lines were dropped`)),
  );
  return log;
}
