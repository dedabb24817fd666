/** How to close what a process has opened. */
export type Closers = {
  /** Remembers how to close what was just opened; `name` is for the log. */
  add: (name: string, close: () => unknown) => void;
  /**
   * Closes everything, newest first, each when the one before is closed or has failed to be. `onError` hears of those
   * that failed. What is opened meanwhile is closed, too.
   */
  close: (onError: (error: unknown, name: string) => void) => Promise<void>;
  /** What is being closed at this moment. */
  current: () => string | undefined;
};

export function createClosers(): Closers {
  const opened: { name: string; close: () => unknown }[] = [];
  let current: string | undefined;
  return {
    add: (name, close) => {
      opened.push({ name, close });
    },
    close: async (onError) => {
      for (let next = opened.pop(); next; next = opened.pop()) {
        current = next.name;
        try {
          await next.close();
        } catch (error) {
          onError(error, next.name);
        }
      }
      current = undefined;
    },
    current: () => current,
  };
}
