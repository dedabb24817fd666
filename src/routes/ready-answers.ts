import type { Counter, Histogram, Registry } from 'prom-client';
import { createBoundedMap } from '../cache/bounded-map.ts';
import type { ApiServices } from '../services.ts';
import { logRequest, requestLines } from './access-log.ts';
import type { AppEnv, Kept } from './env.ts';

/** A whole answer as it once went out, and what proves that it still is the one. */
type ReadyAnswer = Kept & { path: string; body: ArrayBuffer; headers: Headers };

type Env = AppEnv['Bindings'];
export type Fetch = (request: Request, env: Env) => Response | Promise<Response>;

const bytesMax = 16_000_000;
/** What an entry takes beside its key and its body, headers above all. */
const entryBytes = 3_000;
/** Whoever sends one of these may get another answer than the rest, or wants to see this request in a trace. */
const telling = ['authorization', 'if-none-match', 'origin', 'traceparent', 'x-request-id'];

/**
 * Gives public answers again as they went out, headers, compression and all, once they are proven current: a list by the
 * version of the cache, a product by its own. It spares them the way through router, middleware and validation, which is
 * most of what they cost.
 */
export function withReadyAnswers(
  fetch: Fetch,
  { log, metrics }: Pick<ApiServices, 'log' | 'metrics'>,
  draining: () => boolean,
): Fetch {
  const ready = createBoundedMap<ReadyAnswer>(bytesMax, (key, { body }) => entryBytes + key.length + body.byteLength);
  const count = countRequests(metrics);
  const lines = requestLines(log);

  async function give(key: string, answer: ReadyAnswer, request: Request, env: Env): Promise<Response> {
    const startedAt = performance.now();
    try {
      if (!(await answer.isCurrent())) {
        if (ready.get(key) === answer) ready.delete(key);
        return pass(key, request, env);
      }
    } catch (failure) {
      return fetch(request, { ...env, failure });
    }
    const requestId = crypto.randomUUID();
    const headers = new Headers(answer.headers);
    headers.set('X-Request-Id', requestId);
    count(answer.route, startedAt);
    const { path, cache } = answer;
    logRequest(lines, { requestId, method: 'GET', path, status: 200, startedAt, ...(cache && { cache }) });
    return new Response(answer.body, { headers });
  }

  async function pass(key: string, request: Request, env: Env): Promise<Response> {
    let kept: Kept | undefined;
    const onKept: Env['onKept'] = (given) => {
      kept = given;
    };
    const response = await fetch(request, { ...env, onKept });
    if (!kept || response.status !== 200) return response;
    const body = await response.arrayBuffer();
    const headers = new Headers(response.headers);
    if (kept.cache) headers.set('X-Cache', kept.cache);
    ready.set(key, { ...kept, path: new URL(request.url).pathname, body, headers });
    return new Response(body, response);
  }

  return (request, env) => {
    if (request.method !== 'GET' || draining() || telling.some((name) => request.headers.has(name))) {
      return fetch(request, env);
    }
    const key = `${request.headers.get('accept-encoding') ?? ''} ${request.url}`;
    const answer = ready.get(key);
    return answer ? give(key, answer, request, env) : pass(key, request, env);
  };
}

/** Counts into the metrics that every other request is counted into. */
function countRequests(metrics: Registry): (route: string, startedAt: number) => void {
  const durations = metrics.getSingleMetric('http_request_duration_seconds') as Histogram;
  const requests = metrics.getSingleMetric('http_requests_total') as Counter;
  const labels = (route: string) => ({ method: 'GET', route, status: '200', ok: 'true' });
  return (route, startedAt) => {
    durations.observe(labels(route), (performance.now() - startedAt) / 1_000);
    requests.inc(labels(route));
  };
}
