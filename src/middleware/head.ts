import type { Context } from 'hono';
import type { AppEnv } from './env.ts';

type Fetch = (request: Request, env: AppEnv['Bindings']) => Response | Promise<Response>;

/**
 * Lets the app answer HEAD as it answers GET, compressed or from a cache if that would be, and leaves the body to the
 * server, which knows how long it is and does not send it. Hono by itself would drop it, and its length with it.
 */
export function answerHeadAsGet(fetch: Fetch): Fetch {
  return (request, env) => {
    if (request.method !== 'HEAD') return fetch(request, env);
    const { url, headers, signal } = request;
    return fetch(new Request(url, { headers, signal }), { ...env, method: 'HEAD' });
  };
}

/** The method as it was asked with, for logs and metrics. */
export function methodOf({ env, req }: Context<AppEnv>): string {
  return env?.method ?? req.method;
}
