/** Lets no more go at once than there is room for; the others wait in the order of their arrival. */
export type Slots = {
  /** Waits for a slot, which is to be given back by `free`; false when there was none within that time. */
  take: (withinMs?: number) => Promise<boolean>;
  free: () => void;
  taken: () => number;
  waiting: () => number;
  /** Looks at the room again, after it has grown. */
  look: () => void;
};

/** @param room how many may go at once, which may change */
export function createSlots(room: () => number): Slots {
  const waiting = new Set<() => void>();
  let taken = 0;

  function look(): void {
    for (const letGo of waiting) {
      if (taken >= room()) return;
      letGo();
    }
  }

  return {
    take: (withinMs) =>
      new Promise((resolve) => {
        let timer: ReturnType<typeof setTimeout> | undefined;
        const letGo = () => {
          clearTimeout(timer);
          waiting.delete(letGo);
          taken += 1;
          resolve(true);
        };
        if (waiting.size === 0 && taken < room()) {
          letGo();
          return;
        }
        waiting.add(letGo);
        if (withinMs === undefined) return;
        timer = setTimeout(() => {
          waiting.delete(letGo);
          resolve(false);
        }, withinMs);
      }),
    free: () => {
      taken -= 1;
      look();
    },
    taken: () => taken,
    waiting: () => waiting.size,
    look,
  };
}
