import { LRUCache } from 'lru-cache';
import type { Store } from './store.ts';

/** A map of bounded size whose entries expire; those used longest ago make room. */
export function createMemoryStore(charactersMax: number): Store & { get: (key: string) => string | null } {
  const entries = new LRUCache<string, string>({
    maxSize: charactersMax,
    sizeCalculation: (value, key) => key.length + value.length,
    // The clock that entries carry their expiry in; read each time, because the default keeps a timer of its own.
    perf: Date,
    ttlResolution: 0,
  });

  const get = (key: string) => entries.get(key) ?? null;

  function set(key: string, value: string, ttlMs: number): void {
    // LRUCache takes 0 for "never".
    if (ttlMs > 0) entries.set(key, value, { ttl: ttlMs });
    else entries.delete(key);
  }

  return {
    get,
    getMany: async (keys) => keys.map(get),
    set: async (key, value, ttlMs) => set(key, value, ttlMs),
    setIfAbsent: async (key, value, ttlMs) => {
      const present = get(key);
      if (present === null) set(key, value, ttlMs);
      return present ?? value;
    },
    status: async () => 'none',
    close: async () => {},
  };
}
