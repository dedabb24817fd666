import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { readSales } from '../domain/reports.ts';
import type { Guards } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import { bearerOrKey, json, ofCallersAndKeys, problems } from '../middleware/openapi.ts';
import { salesQuerySchema, salesSchema } from '../schema/reports.ts';
import type { ApiServices } from '../services.ts';

/** How business goes, for admins. */
export function reportRoutes({ read, settings }: Pick<ApiServices, 'read' | 'settings'>, { adminOnly }: Guards) {
  return new OpenAPIHono<AppEnv>().openapi(
    createRoute({
      method: 'get',
      path: '/api/reports/sales',
      operationId: 'getSalesReport',
      tags: ['Reports'],
      summary: 'Report sales',
      description:
        'Reports what was sold on each day, the best sellers, the lowest stocks and how many orders are open. Days are those of UTC, both ends included, at most 366. An order counts on the day that it was placed on, as long as it is neither cancelled nor deleted.',
      security: bearerOrKey('reports:read'),
      middleware: [adminOnly('reports')] as const,
      request: { query: salesQuerySchema },
      responses: { 200: json(salesSchema, 'The report'), ...problems(...ofCallersAndKeys, 'validation_failed') },
    }),
    async (c) => {
      const query = c.req.valid('query');
      const moving = settings.orderStatusIntervalMs !== null;
      const report = await read((reader) => readSales(reader, query, moving));
      return c.json({ currency: settings.currency, ...report }, 200);
    },
  );
}
