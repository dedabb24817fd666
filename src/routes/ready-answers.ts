import type { Counter, Histogram, Registry } from 'prom-client';
import { createBoundedMap } from '../cache/bounded-map.ts';
import type { ApiServices } from '../services.ts';
import { logRequest, requestLines } from './access-log.ts';
import type { AppEnv } from './env.ts';

/** A whole answer as it once went out, and what proves that it still is the one. */
type ReadyAnswer = Kept & { body: ArrayBuffer; headers: Headers };

type Env = AppEnv['Bindings'];
type Kept = Parameters<NonNullable<Env['onKept']>>[0];
export type Fetch = (request: Request, env: Env) => Response | Promise<Response>;

const bytesMax = 16_000_000;
/** What an entry takes beside its key and its body, headers above all. */
const entryBytes = 3_000;
/** Whoever sends one of these may get another answer than the rest, or wants to see this request in a trace. */
const telling = ['authorization', 'if-none-match', 'origin', 'traceparent', 'x-request-id'];

/**
 * Gives the answers of public lists again as they went out, headers, compression and all, once the cache has proven
 * them current. It spares a hit the way through router, middleware and validation, which is most of what it costs.
 */
export function withReadyAnswers(
  fetch: Fetch,
  { cache, log, metrics }: Pick<ApiServices, 'cache' | 'log' | 'metrics'>,
  draining: () => boolean,
): Fetch {
  const ready = createBoundedMap<ReadyAnswer>(bytesMax, (key, { body }) => entryBytes + key.length + body.byteLength);
  const count = countRequests(metrics);
  const lines = requestLines(log);

  async function give(key: string, answer: ReadyAnswer, request: Request, env: Env): Promise<Response> {
    const startedAt = performance.now();
    const current = answer.expiresAt > Date.now() && (await cache.isCurrent(answer.group, answer.version));
    if (!current) {
      if (ready.get(key) === answer) ready.delete(key);
      return pass(key, request, env);
    }
    const requestId = crypto.randomUUID();
    const headers = new Headers(answer.headers);
    headers.set('X-Request-Id', requestId);
    count(answer.route, startedAt);
    logRequest(lines, { requestId, method: 'GET', path: answer.route, status: 200, startedAt, cache: 'HIT' });
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
    headers.set('X-Cache', 'HIT');
    ready.set(key, { ...kept, body, headers });
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
