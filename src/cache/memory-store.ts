import type { Store } from './store.ts';

/** A map of bounded size whose entries expire; those used longest ago make room. */
export function createMemoryStore(charactersMax: number): Store & { get: (key: string) => string | null } {
  const entries = new Map<string, { value: string; expiresAt: number }>();
  let characters = 0;

  function remove(key: string): void {
    const entry = entries.get(key);
    if (!entry) return;
    characters -= key.length + entry.value.length;
    entries.delete(key);
  }

  function get(key: string): string | null {
    const entry = entries.get(key);
    if (!entry) return null;
    if (entry.expiresAt <= Date.now()) {
      remove(key);
      return null;
    }
    // A map keeps the order of insertion, so what is used moves to its end.
    entries.delete(key);
    entries.set(key, entry);
    return entry.value;
  }

  function set(key: string, value: string, ttlMs: number): void {
    remove(key);
    entries.set(key, { value, expiresAt: Date.now() + ttlMs });
    characters += key.length + value.length;
    for (const oldest of entries.keys()) {
      if (characters <= charactersMax) return;
      remove(oldest);
    }
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
