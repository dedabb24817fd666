import { createMiddleware } from 'hono/factory';
import type { Logger } from 'pino';
import { msSince } from '../elapsed.ts';
import type { AppEnv, Facts } from './env.ts';

type Served = { requestId: string; method: string; path: string; status: number; startedAt: number } & Facts;

/** A logger for the lines of requests: nothing in them is secret, and looking for secrets costs more than the line. */
export function requestLines(log: Logger): Logger {
  return log.child({}, { redact: [] });
}

/** Writes the line of a request that began at `startedAt`, a reading of `performance.now()`. */
export function logRequest(log: Logger, { startedAt, ...served }: Served): void {
  log.info({ ...served, durationMs: msSince(startedAt) }, 'request');
}

/** One line for every request, after it: enough to count by and to find it again, nothing personal. */
export function accessLog(log: Logger) {
  const lines = requestLines(log);
  return createMiddleware<AppEnv>(async (c, next) => {
    c.set('log', log);
    c.set('facts', {});
    const startedAt = performance.now();
    await next();
    logRequest(lines, {
      requestId: c.get('requestId'),
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      startedAt,
      ...c.get('facts'),
    });
  });
}
