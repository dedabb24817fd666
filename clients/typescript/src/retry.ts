import { keyedPaths } from './api.ts';

/** What sends a request, as `fetch` does. */
export type Send = (input: string, init?: RequestInit) => Promise<Response>;

type RetryOptions = { retriesMax: number; waitMsMax: number };

/** Those that a repeat leaves as they were after the first time (RFC 9110, section 9.2.2). */
const idempotentMethods = new Set(['GET', 'HEAD', 'PUT', 'DELETE']);
const firstWaitMs = 200;

/**
 * Sends requests again that a shop has refused for a while, when it says (`Retry-After`), or else after growing pauses.
 * Those whose answer is lost or uncertain only if a repeat is harmless; `POST` gets an `Idempotency-Key` where one is taken.
 */
export function withRetries(send: Send, { retriesMax, waitMsMax }: RetryOptions): Send {
  return async (input, init = {}) => {
    const method = init.method ?? 'GET';
    const headers = new Headers(init.headers);
    const isKeyed = method === 'POST' && keyedPaths.some((path) => new URL(input).pathname.endsWith(path));
    if (isKeyed && !headers.has('Idempotency-Key')) headers.set('Idempotency-Key', randomKey());
    const isRepeatable = isKeyed || idempotentMethods.has(method);

    for (let retries = 0; ; retries += 1) {
      const pauseMs = firstWaitMs * 2 ** retries * (0.5 + Math.random());
      let waitMs = pauseMs;
      try {
        const answer = await send(input, { ...init, headers });
        if (retries === retriesMax || !(await isTemporary(answer, isRepeatable))) return answer;
        waitMs = retryAfterMs(answer) ?? pauseMs;
        if (waitMs > waitMsMax) return answer;
        await answer.body?.cancel();
      } catch (error) {
        if (retries === retriesMax || !isRepeatable || init.signal?.aborted) throw error;
      }
      await sleep(waitMs, init.signal);
    }
  };
}

/** Whether a request may do better in a while, and can be sent again then. */
async function isTemporary(answer: Response, isRepeatable: boolean): Promise<boolean> {
  // Nothing was done of what came too often.
  if (answer.status === 429) return true;
  // Behind these may be a commit that was not answered in time, or the first of two attempts, which still runs.
  if (answer.status === 503) return isRepeatable;
  return answer.status === 409 && isRepeatable && (await answer.clone().text()).includes('"idempotency_in_progress"');
}

/** How long an answer asks to wait, in seconds or until a date (RFC 9110, section 10.2.3). */
export function retryAfterMs({ headers }: { headers: Headers }): number | undefined {
  const text = headers.get('Retry-After');
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}

/** 128 random bits. Pages that are not served over TLS have no `crypto.randomUUID`. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function sleep(ms: number, signal: AbortSignal | null | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
