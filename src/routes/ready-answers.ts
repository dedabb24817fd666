import { LRUCache } from 'lru-cache';
import type { ApiServices } from '../services.ts';
import { answerPlainReads, type Env, type Fetch, isPlainRead } from './plain-reads.ts';

/** A whole answer as it once went out, and what proves that it still is the one. */
type ReadyAnswer = Kept & { body: ArrayBuffer; headers: Headers };

type Kept = Parameters<NonNullable<Env['onKept']>>[0];

const bytesMax = 16_000_000;
/** What an entry takes beside its key and its body, headers above all. */
const entryBytes = 3_000;

/**
 * Gives the answers of public lists again as they went out, headers, compression and all, once the cache has proven
 * them current. It spares a hit the way through router, middleware and validation, which is most of what it costs.
 */
export function withReadyAnswers(
  fetch: Fetch,
  services: Pick<ApiServices, 'cache' | 'log' | 'metrics'>,
  draining: () => boolean,
): Fetch {
  const ready = new LRUCache<string, ReadyAnswer>({
    maxSize: bytesMax,
    sizeCalculation: ({ body }, key) => entryBytes + key.length + body.byteLength,
  });
  const { cache } = services;
  const answerAgain = answerPlainReads(services);

  async function give(key: string, answer: ReadyAnswer, request: Request, env: Env): Promise<Response> {
    const startedAt = performance.now();
    const current = answer.expiresAt > Date.now() && (await cache.isCurrent(answer.group, answer.version));
    if (!current) {
      if (ready.get(key) === answer) ready.delete(key);
      return pass(key, request, env);
    }
    const { body, headers, route } = answer;
    return answerAgain(body, new Headers(headers), { route, path: route, startedAt, cache: 'HIT' });
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
    if (draining() || !isPlainRead(request)) return fetch(request, env);
    const key = `${request.headers.get('accept-encoding') ?? ''} ${request.url}`;
    const answer = ready.get(key);
    return answer ? give(key, answer, request, env) : pass(key, request, env);
  };
}
