import { createBoundedMap } from './bounded-map.ts';
import type { Store } from './store.ts';

type Entry = { value: string; expiresAt: number };

/** A map of bounded size whose entries expire; those used longest ago make room. */
export function createMemoryStore(charactersMax: number): Store & { get: (key: string) => string | null } {
  const entries = createBoundedMap<Entry>(charactersMax, (key, { value }) => key.length + value.length);

  function get(key: string): string | null {
    const entry = entries.get(key);
    if (!entry) return null;
    if (entry.expiresAt <= Date.now()) {
      entries.delete(key);
      return null;
    }
    // What is used counts as new again.
    entries.set(key, entry);
    return entry.value;
  }

  function set(key: string, value: string, ttlMs: number): void {
    entries.set(key, { value, expiresAt: Date.now() + ttlMs });
  }

  return {
    get,
    getMany: async (keys) => keys.map(get),
    set: async (key, value, ttlMs) => set(key, value, ttlMs),
    setIfAbsent: async (key, value, ttlMs) => {
      const standing = get(key);
      if (standing === null) set(key, value, ttlMs);
      return standing ?? value;
    },
    status: async () => 'none',
    close: async () => {},
  };
}
