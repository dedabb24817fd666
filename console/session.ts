// Who is signed in. The token is in memory, and in the tab's `sessionStorage` so that it outlives a reload; there is no
// cookie, so no other page can act in its name.

import { createContext, useContext, useSyncExternalStore } from 'hono/jsx/dom';
import { type ClientOptions, createClient, type SignedIn, unwrap } from '../clients/typescript/src/index.ts';

type Session = Pick<SignedIn, 'token' | 'expiresAt' | 'customer'> & {
  /** Whether signing in took a code. Told by no other answer of the API. */
  hasSecondFactor: boolean;
};

/**
 * `expired` leaves the page as it is, with all that was typed, until its owner has signed in again. `signIns` counts, so
 * that what could not be read is read again.
 */
type State = { session: Session | null; expired: boolean; notice: string | null; signIns: number };

/** What a person signs in with. */
export type Credentials = { email: string; password: string; code?: string };

/** A customer has signed in here: the console is of no use to them. */
export class NotStaffError extends Error {
  constructor(name: string) {
    super(`${name}, this page is for the people who run the shop. Your account is a customer's, so it ends here.`);
    this.name = 'NotStaffError';
  }
}

const storageKey = 'shop-session';
const listeners = new Set<() => void>();

let state: State = { session: readStored(), expired: false, notice: null, signIns: 0 };

function readStored(): Session | null {
  try {
    const stored: Session | null = JSON.parse(sessionStorage.getItem(storageKey) ?? 'null');
    return stored && Date.parse(stored.expiresAt) > Date.now() ? stored : null;
  } catch {
    return null;
  }
}

function become(next: Partial<State>): void {
  state = { ...state, ...next };
  if (state.session && !state.expired) sessionStorage.setItem(storageKey, JSON.stringify(state.session));
  else sessionStorage.removeItem(storageKey);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Who is signed in, as it is and as it becomes; for the whole console, which gives it to `SessionState`. */
export function useSessionState(): State {
  return useSyncExternalStore(subscribe, () => state);
}

export const SessionState = createContext(state);

/** Who is signed in. */
export function useSession(): State {
  return useContext(SessionState);
}

/** Sends what the client sends; an answer that the token is no longer good asks its owner to sign in again. */
const sendAsCaller: typeof fetch = async (input, init) => {
  const { session } = state;
  const answer = await fetch(input, init);
  // Refused passwords and codes are 401 as well, but only a refused token comes with this header.
  const isRefused = answer.status === 401 && answer.headers.has('WWW-Authenticate');
  if (isRefused && session !== null && session === state.session && !state.expired) become({ expired: true });
  return answer;
};

const asCaller: ClientOptions = { token: () => state.session?.token, fetch: sendAsCaller };

/** The API, as the user who is signed in. */
export const shop = createClient(location.origin, asCaller).api;

/**
 * Signs in.
 * @throws {NotStaffError} and what `unwrap` throws
 */
export async function signIn(credentials: Credentials): Promise<void> {
  const { api } = createClient(location.origin);
  const { token, expiresAt, customer } = await unwrap(api.auth.login.$post({ json: credentials }));
  if (customer.role !== 'admin') {
    // Nobody is to be left with a session that they cannot use here.
    await createClient(location.origin, { token })
      .api.auth.logout.$post()
      .catch(() => undefined);
    throw new NotStaffError(customer.name);
  }
  const session = { token, expiresAt, customer, hasSecondFactor: credentials.code !== undefined };
  become({ session, expired: false, notice: null, signIns: state.signIns + 1 });
}

/** Ends the session, here in any case and in the shop if it can be reached. */
export async function signOut(): Promise<void> {
  await shop.auth.logout.$post().catch(() => undefined);
  endSession('You are signed out.');
}

/** Forgets a session that is over. @param notice why, for the one who signs in next */
export function endSession(notice: string): void {
  become({ session: null, expired: false, notice });
}

/** Notes whether the account has a second factor now. */
export function setSecondFactor(hasSecondFactor: boolean): void {
  if (state.session) become({ session: { ...state.session, hasSecondFactor } });
}
