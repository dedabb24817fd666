// Asking the API: what a page shows, and what a person does there.

import type { ClientResponse } from 'hono/client';
import { useEffect, useRef, useState } from 'hono/jsx/dom';
import { ShopError, unwrap } from '../clients/typescript/src/index.ts';
import { useSession } from './session.ts';

/** What was asked for, as far as it is there. A value stays while it, or another in its place, is asked for. */
export type Loaded<Value> = {
  value: Value | undefined;
  /** Whether the value is what was asked for before. */
  isOutdated: boolean;
  error: unknown;
  isLoading: boolean;
  reload: () => void;
};

/**
 * Asks for what a page shows, again whenever `key` changes or somebody has signed in.
 * @param key says what is asked for
 */
export function useLoaded<Value>(key: string, load: (init: { init: RequestInit }) => Promise<Value>): Loaded<Value> {
  const [held, setHeld] = useState<{ of?: string; value?: Value; error?: unknown; isLoading: boolean }>({
    isLoading: true,
  });
  const [times, setTimes] = useState(0);
  const { signIns } = useSession();
  useEffect(() => {
    const leaving = new AbortController();
    setHeld((before) => ({ ...before, isLoading: true }));
    load({ init: { signal: leaving.signal } }).then(
      (value) => {
        if (!leaving.signal.aborted) setHeld({ of: key, value, isLoading: false });
      },
      (error: unknown) => {
        if (!leaving.signal.aborted) setHeld((before) => ({ ...before, error, isLoading: false }));
      },
    );
    return () => leaving.abort();
  }, [key, times, signIns]);
  const { of, value, error, isLoading } = held;
  return { value, isOutdated: of !== key, error, isLoading, reload: () => setTimes((before) => before + 1) };
}

/** What a person has asked for: whether it still runs, and why it was refused. */
export type Action = {
  isBusy: boolean;
  error: unknown;
  /** Does it unless it is being done already; answers whether it succeeded. */
  run: (work: () => Promise<unknown>) => Promise<boolean>;
  reset: () => void;
};

export function useAction(): Action {
  const [{ isBusy, error }, set] = useState<{ isBusy: boolean; error?: unknown }>({ isBusy: false });
  // A second click may come before the page shows that the first has begun.
  const running = useRef(false);
  async function run(work: () => Promise<unknown>): Promise<boolean> {
    if (running.current) return false;
    running.current = true;
    set({ isBusy: true });
    try {
      await work();
      set({ isBusy: false });
      return true;
    } catch (reason) {
      set({ isBusy: false, error: reason });
      return false;
    } finally {
      running.current = false;
    }
  }
  return { isBusy, error, run, reset: () => set({ isBusy: false }) };
}

/** For an `Idempotency-Key`. `crypto.randomUUID` is not there on pages that came without TLS. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('-');
}

/** What is to be deleted and not there any more has been deleted, perhaps by an attempt whose answer got lost. */
export async function unlessGone(deleting: Promise<unknown>): Promise<void> {
  try {
    await deleting;
  } catch (error) {
    if (!(error instanceof ShopError && error.problem.code === 'not_found')) throw error;
  }
}

/** Does something every so often while the page is looked at. */
export function useEvery(periodMs: number, work: () => void): void {
  const latest = useRef(work);
  latest.current = work;
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) latest.current();
    }, periodMs);
    return () => clearInterval(timer);
  }, [periodMs]);
}

/**
 * What a request for a file gives, outside of the page's own memory.
 * @throws what `unwrap` throws
 */
export async function fileOf(request: Promise<ClientResponse<unknown, number, string>>): Promise<Blob> {
  const answer = await request;
  if (!answer.ok) await unwrap(Promise.resolve(answer));
  return answer.blob();
}
