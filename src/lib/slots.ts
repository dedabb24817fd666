/** Lets no more go at once than there is room for; the others wait in the order of their arrival. */
export type Slots = {
  /**
   * Waits for a slot, which is to be given back by `free`; false when there was none within that time. Who is `urgent`
   * goes before all who are not.
   */
  take: (withinMs?: number, urgent?: boolean) => Promise<boolean>;
  free: () => void;
  taken: () => number;
  waiting: () => number;
  /** Looks at the room again, after it has grown. */
  look: () => void;
};

/** @param room how many may go at once, which may change */
export function createSlots(room: () => number): Slots {
  const urgentWaiting = new Set<() => void>();
  const othersWaiting = new Set<() => void>();
  const waiting = () => urgentWaiting.size + othersWaiting.size;
  let taken = 0;

  function look(): void {
    for (const line of [urgentWaiting, othersWaiting]) {
      for (const letGo of line) {
        if (taken >= room()) return;
        letGo();
      }
    }
  }

  return {
    take: (withinMs, urgent = false) =>
      new Promise((resolve) => {
        const line = urgent ? urgentWaiting : othersWaiting;
        let timer: ReturnType<typeof setTimeout> | undefined;
        const letGo = () => {
          clearTimeout(timer);
          line.delete(letGo);
          taken += 1;
          resolve(true);
        };
        if (waiting() === 0 && taken < room()) {
          letGo();
          return;
        }
        line.add(letGo);
        if (withinMs === undefined) return;
        timer = setTimeout(() => {
          line.delete(letGo);
          resolve(false);
        }, withinMs);
      }),
    free: () => {
      taken -= 1;
      look();
    },
    taken: () => taken,
    waiting,
    look,
  };
}
