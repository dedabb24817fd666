// Where the page is: paths below /console, each of which can be shared, and goes back and forth with the browser.

import { createContext, useContext, useSyncExternalStore } from 'hono/jsx/dom';

/** What stands before every path of the console. */
export const base = '/console';

/** What an entry of the history keeps: the page of a list that was left for this one. */
type Entry = { before?: string };

const listeners = new Set<() => void>();

function tellAll(): void {
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The address of the page, as it is and as it becomes; for the whole console, which gives it to `Address`. */
export function useLocation(): string {
  return useSyncExternalStore(subscribe, () => location.href);
}

/** One reader for all: a page that is left must not take the next address for its own. */
export const Address = createContext('');

/** The address that the page is at. */
export function useAddress(): URL {
  return new URL(useContext(Address));
}

/** Goes to an address of the console. `before` is where the page before this one of a list is. */
export function navigate(to: string, { replace = false, before }: { replace?: boolean; before?: string } = {}): void {
  const entry: Entry = before === undefined ? {} : { before };
  const hasLeft = new URL(to, location.href).pathname !== location.pathname;
  if (replace) history.replaceState(entry, '', to);
  else history.pushState(entry, '', to);
  tellAll();
  if (hasLeft) scrollTo(0, 0);
}

/** Where the page before this one of a list is, if it was left for this one. */
export function pageBefore(): string | undefined {
  return (history.state as Entry | null)?.before;
}

/** The present address with other parameters; undefined and empty ones are left out. */
export function addressWith(address: URL, parameters: Record<string, string | undefined>): string {
  const changed = new URL(address);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || value === '') changed.searchParams.delete(name);
    else changed.searchParams.set(name, value);
  }
  return changed.pathname + changed.search;
}

/** The parameters of an address that a list takes, without those that are empty. */
export function parametersOf<Name extends string>(address: URL, names: readonly Name[]): { [Key in Name]?: string } {
  const found: { [Key in Name]?: string } = {};
  for (const name of names) {
    const value = address.searchParams.get(name);
    if (value) found[name] = value;
  }
  return found;
}

/** The link that a click means to follow within the console; null where the browser is to do what it does. */
function linkOf(event: MouseEvent): HTMLAnchorElement | null {
  const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!isPlain || event.defaultPrevented || !(event.target instanceof Element)) return null;
  const link = event.target.closest('a');
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return null;
  if (link.hash !== '' && link.pathname === location.pathname) return null;
  return link.pathname === base || link.pathname.startsWith(`${base}/`) ? link : null;
}

/** Lets links within the console lead there without loading it again. */
export function followLinks(): void {
  addEventListener('popstate', tellAll);
  document.addEventListener('click', (event) => {
    const link = linkOf(event);
    if (!link) return;
    event.preventDefault();
    // What leads on from what was asked for before would lead somewhere else.
    if (link.closest('.outdated .pager')) return;
    navigate(link.pathname + link.search, link.dataset.before ? { before: link.dataset.before } : {});
  });
}
