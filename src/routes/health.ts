import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { ShopError } from '../errors.ts';
import type { AppEnv } from '../middleware/env.ts';
import { json, problems } from '../middleware/openapi.ts';
import { healthSchema, metricsSchema, readinessSchema } from '../schema/health.ts';
import type { ApiServices } from '../services.ts';

type HealthServices = Pick<ApiServices, 'metrics' | 'readiness' | 'scrape' | 'settings'>;

const { 400: badHost } = problems('malformed_json');

/** Each of them says that the request has come through a proxy, and so perhaps from anyone. */
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'via'];

/** What an operator's machinery asks; with `METRICS_PORT`, and through a proxy, the port of the API tells less. */
export function healthRoutes(services: HealthServices, draining: () => boolean) {
  const open = (c: Context) =>
    services.settings.metricsPort === undefined && !proxyHeaders.some((name) => c.req.header(name) !== undefined);
  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'get',
        path: '/healthz',
        operationId: 'getHealth',
        security: [],
        tags: ['Operation'],
        summary: 'Alive',
        description: 'Tells that the process lives: it answers as long as the process does, whatever else is down.',
        responses: { 200: json(healthSchema, 'The process answers'), 400: badHost },
      }),
      (c) => c.json({ status: 'ok' as const }, 200),
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/readyz',
        operationId: 'getReadiness',
        security: [],
        tags: ['Operation'],
        summary: 'Ready for traffic',
        description:
          'Tells whether traffic may come, and what is down. Without Redis the shop is `degraded`, and works. With `METRICS_PORT`, or through a proxy, the checks are left out here.',
        responses: {
          200: json(readinessSchema, 'Ready, or ready but degraded'),
          400: badHost,
          503: json(readinessSchema, 'Not ready: Postgres is down, or the process begins or ends', 'Retry-After'),
        },
      }),
      async (c) => {
        const readiness = await services.readiness(draining);
        const body = open(c) ? readiness : { status: readiness.status };
        return readiness.status === 'unavailable' ? c.json(body, 503, { 'Retry-After': '1' }) : c.json(body, 200);
      },
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/metrics',
        operationId: 'getMetrics',
        security: [],
        tags: ['Operation'],
        summary: 'Metrics for Prometheus',
        description:
          'Gives the metrics of this process for Prometheus. With `METRICS_PORT`, or through a proxy, there is nothing here.',
        responses: {
          200: { content: { 'text/plain': { schema: metricsSchema } }, description: 'Metrics' },
          ...problems('not_found'),
        },
      }),
      async (c) => {
        if (!open(c)) throw new ShopError('not_found', 'There is nothing at this address.');
        return c.text(await services.scrape(), 200, { 'Content-Type': services.metrics.contentType });
      },
    );
}
