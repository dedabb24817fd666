import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import type { AppEnv } from '../middleware/env.ts';
import { healthSchema, metricsSchema, readinessSchema } from '../schema/health.ts';
import type { ApiServices } from '../services.ts';
import { json } from './openapi.ts';

type HealthServices = Pick<ApiServices, 'cache' | 'databaseStatus' | 'metrics' | 'prepared' | 'scrape'>;

/** What an operator's machinery asks. */
export function healthRoutes(services: HealthServices, draining: () => boolean) {
  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'get',
        path: '/healthz',
        tags: ['Operation'],
        summary: 'Alive',
        responses: { 200: json(healthSchema, 'The process answers') },
      }),
      (c) => c.json({ status: 'ok' as const }, 200),
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/readyz',
        tags: ['Operation'],
        summary: 'Ready for traffic',
        responses: {
          200: json(readinessSchema, 'Ready, or ready but degraded'),
          503: json(readinessSchema, 'Not ready; the checks say what is down'),
        },
      }),
      async (c) => {
        const [postgres, redis] = await Promise.all([services.databaseStatus(), services.cache.status()]);
        const checks = { postgres, redis };
        if (postgres === 'down' || !services.prepared() || draining()) {
          return c.json({ status: 'unavailable' as const, checks }, 503, { 'Retry-After': '1' });
        }
        return c.json({ status: redis === 'down' ? ('degraded' as const) : ('ok' as const), checks }, 200);
      },
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/metrics',
        tags: ['Operation'],
        summary: 'Metrics for Prometheus',
        responses: { 200: { content: { 'text/plain': { schema: metricsSchema } }, description: 'Metrics' } },
      }),
      async (c) => c.text(await services.scrape(), 200, { 'Content-Type': services.metrics.contentType }),
    );
}
