const waiting: (() => void)[] = [];

const largeCharactersMin = 100_000;

function letNextGo(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(letNextGo);
}

/**
 * Waits for a turn of the event loop that no other caller gets, so that long work done in slices keeps nobody waiting
 * for longer than a slice, however many do such work at once.
 */
export function ownTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(letNextGo);
  });
}

/** The same before work on a text that is large enough to matter; with others nobody waits. */
export async function ownTurnFor(text: string): Promise<void> {
  if (text.length >= largeCharactersMin) await ownTurn();
}
