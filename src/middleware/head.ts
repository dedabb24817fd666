import type { Context } from 'hono';
import type { AppEnv } from './env.ts';

type Fetch = (request: Request, env: AppEnv['Bindings']) => Response | Promise<Response>;

/**
 * Lets the app answer HEAD as it answers GET, compressed or from a cache if that would be. Hono by itself would drop the
 * body, and its length with it. Where the answer says its length, the body is left out here; where it does not, the
 * server knows it, and does not send it.
 */
export function answerHeadAsGet(fetch: Fetch): Fetch {
  async function answerHead({ url, headers, signal }: Request, env: AppEnv['Bindings']): Promise<Response> {
    const answer = await fetch(new Request(url, { headers, signal }), { ...env, method: 'HEAD' });
    if (!answer.headers.has('Content-Length')) return answer;
    await answer.body?.cancel();
    return new Response(null, answer);
  }
  return (request, env) => (request.method === 'HEAD' ? answerHead(request, env) : fetch(request, env));
}

/** The method as it was asked with, for logs and metrics. */
export function methodOf({ env, req }: Pick<Context<AppEnv>, 'env' | 'req'>): string {
  return env?.method ?? req.method;
}
