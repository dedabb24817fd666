/** A map that is kept below a size, in whatever unit its entries are measured. */
export type BoundedMap<Value> = {
  get: (key: string) => Value | undefined;
  set: (key: string, value: Value) => void;
  delete: (key: string) => void;
};

/** A map whose oldest entries make room for new ones. `sizeOf` has to answer the same for an entry each time. */
export function createBoundedMap<Value>(
  sizeMax: number,
  sizeOf: (key: string, value: Value) => number,
): BoundedMap<Value> {
  const entries = new Map<string, Value>();
  let size = 0;

  function remove(key: string): void {
    const value = entries.get(key);
    if (value === undefined) return;
    size -= sizeOf(key, value);
    entries.delete(key);
  }

  return {
    get: (key) => entries.get(key),
    delete: remove,
    set: (key, value) => {
      remove(key);
      entries.set(key, value);
      size += sizeOf(key, value);
      for (const oldest of entries.keys()) {
        if (size <= sizeMax) return;
        remove(oldest);
      }
    },
  };
}
