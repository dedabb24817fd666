import type { Store } from './store.ts';

/** A bounded map whose entries expire; the one used longest ago goes first. */
export function createMemoryStore(entriesMax: number): Store & { get: (key: string) => string | null } {
  const entries = new Map<string, { value: string; expiresAt: number }>();

  function get(key: string): string | null {
    const entry = entries.get(key);
    if (!entry) return null;
    entries.delete(key);
    if (entry.expiresAt <= Date.now()) return null;
    entries.set(key, entry);
    return entry.value;
  }

  function set(key: string, value: string, ttlMs: number): void {
    entries.delete(key);
    entries.set(key, { value, expiresAt: Date.now() + ttlMs });
    const [oldest] = entries.keys();
    if (entries.size > entriesMax && oldest !== undefined) entries.delete(oldest);
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
