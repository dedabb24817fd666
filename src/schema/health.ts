import { z } from 'zod';

export const healthSchema = z.object({ status: z.literal('ok') }).meta({ id: 'Health' });

export const metricsSchema = z.string();

const check = z.enum(['up', 'down', 'none']);

export const readinessSchema = z
  .object({
    status: z.enum(['ok', 'degraded', 'unavailable']),
    checks: z.object({ postgres: check, redis: check }).optional().meta({
      description: 'Left out where others than operators may ask: see METRICS_PORT, and behind a proxy',
    }),
  })
  .meta({ id: 'Readiness' });

/** What operators are told: everything. */
export type Readiness = Required<z.infer<typeof readinessSchema>>;
