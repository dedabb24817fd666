import { prometheus } from '@hono/prometheus';
import type { Context } from 'hono';
import type { Registry } from 'prom-client';

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Callers choose methods, and each label would be a series for ever. */
const method = (c: Context) => (methods.has(c.req.method) ? c.req.method : 'OTHER');

/** Counts and times requests by route, method and status. */
export function requestMetrics(registry: Registry) {
  const customLabels = { method };
  return prometheus({ registry, metricOptions: { requestDuration: { customLabels }, requestsTotal: { customLabels } } })
    .registerMetrics;
}
