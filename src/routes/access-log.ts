import { createMiddleware } from 'hono/factory';
import type { Logger } from 'pino';
import type { AppEnv } from './env.ts';

/** One line for every request, after it: enough to count by and to find it again, nothing personal. */
export function accessLog(log: Logger) {
  return createMiddleware<AppEnv>(async (c, next) => {
    c.set('log', log);
    c.set('facts', {});
    const startedAt = performance.now();
    await next();
    log.info(
      {
        requestId: c.get('requestId'),
        method: c.req.method,
        path: c.req.path,
        status: c.res.status,
        durationMs: Math.round((performance.now() - startedAt) * 100) / 100,
        ...c.get('facts'),
      },
      'request',
    );
  });
}
