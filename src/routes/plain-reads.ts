import type { Counter, Histogram, Registry } from 'prom-client';
import type { ApiServices } from '../services.ts';
import { logRequest, requestLines } from './access-log.ts';
import type { AppEnv, Facts } from './env.ts';

export type Env = AppEnv['Bindings'];
export type Fetch = (request: Request, env: Env) => Response | Promise<Response>;

/** Whoever sends one of these may get another answer than the rest, sends a body, or wants to see this in a trace. */
const telling = [
  'authorization',
  'content-length',
  'if-none-match',
  'origin',
  'traceparent',
  'transfer-encoding',
  'x-request-id',
];

/** Whether a request is a read that anyone could have sent, so that it need not pass the app to be answered as there. */
export function isPlainRead(request: Request): boolean {
  return request.method === 'GET' && !telling.some((name) => request.headers.has(name));
}

type Read = { route: string; path: string; startedAt: number } & Facts;

/**
 * Answers reads that do not pass the app, under an id of their own, and counts and logs them as the app does. `headers`
 * are given away with the answer; `startedAt` is a reading of `performance.now()`.
 */
export function answerPlainReads({ log, metrics }: Pick<ApiServices, 'log' | 'metrics'>) {
  const count = countReads(metrics);
  const lines = requestLines(log);
  return (body: string | ArrayBuffer, headers: Headers, { route, ...read }: Read): Response => {
    const requestId = crypto.randomUUID();
    headers.set('X-Request-Id', requestId);
    count(route, read.startedAt);
    logRequest(lines, { requestId, method: 'GET', status: 200, ...read });
    return new Response(body, { headers });
  };
}

/** Counts into the metrics that every other request is counted into. */
function countReads(metrics: Registry): (route: string, startedAt: number) => void {
  const durations = metrics.getSingleMetric('http_request_duration_seconds') as Histogram;
  const requests = metrics.getSingleMetric('http_requests_total') as Counter;
  const labels = (route: string) => ({ method: 'GET', route, status: '200', ok: 'true' });
  return (route, startedAt) => {
    durations.observe(labels(route), (performance.now() - startedAt) / 1_000);
    requests.inc(labels(route));
  };
}
