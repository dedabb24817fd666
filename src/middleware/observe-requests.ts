import { createMiddleware } from 'hono/factory';
import { routePath } from 'hono/route';
import type { Logger } from 'pino';
import { Counter, Histogram, type Registry } from 'prom-client';
import type { AppEnv, LogFields } from './env.ts';
import { methodOf } from './head.ts';

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const labelNames = ['method', 'status', 'ok', 'route'];

/**
 * Tells of every request, once it is answered: a line in the log, enough to count by and to find it again, nothing
 * personal; and its duration in seconds and a count in the metrics, by method, status and pattern of the route.
 */
export function observeRequests(log: Logger, registry: Registry) {
  // Nothing in these lines is secret, and looking for secrets costs more than the line.
  const lines = log.child({}, { redact: [] });
  const registers = [registry];
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Duration of HTTP requests in seconds',
    labelNames,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
    registers,
  });
  const requests = new Counter({
    name: 'http_requests_total',
    help: 'Total number of HTTP requests',
    labelNames,
    registers,
  });

  return createMiddleware<AppEnv>(async (c, next) => {
    const startedAt = performance.now();
    const logFields: LogFields = {};
    c.set('log', log);
    c.set('logFields', logFields);
    await next();
    const durationMs = performance.now() - startedAt;
    const method = methodOf(c);
    const { path } = c.req;
    const { status, ok } = c.res;
    // Callers choose methods, and each label would be a series for ever.
    const known = methods.has(method) ? method : 'OTHER';
    const labels = { method: known, status: String(status), ok: String(ok), route: routePath(c) };
    durations.observe(labels, durationMs / 1_000);
    requests.inc(labels);
    const requestId = c.get('requestId');
    lines.info(
      { requestId, method, path, status, ...logFields, durationMs: Math.round(durationMs * 100) / 100 },
      'request',
    );
  });
}
