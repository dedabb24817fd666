/** Where cached values live: Redis for a shop of many processes, memory for a shop of one. All values expire. */
export type Store = {
  /** What stands under the keys, null where nothing does. Rejects when the store is out of reach or slow. */
  getMany: (keys: string[]) => Promise<(string | null)[]>;
  set: (key: string, value: string, ttlMs: number) => Promise<void>;
  /** Sets the value unless there is one, and returns the one that stands then. */
  setIfAbsent: (key: string, value: string, ttlMs: number) => Promise<string>;
  /** `none` when there is no server that could be down. */
  status: () => Promise<'up' | 'down' | 'none'>;
  close: () => Promise<void>;
};
