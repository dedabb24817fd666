import type { OutboxQueue } from './queues.ts';

/**
 * A mail queue that is opened by its first use, so that a process that hands on no mail never loads it. An open that
 * fails is told to `onError` by `enqueue`, which never rejects, and tried again by the next use.
 */
export function createMailProducer(open: () => Promise<OutboxQueue>, onError: (error: unknown) => void): OutboxQueue {
  let opened: Promise<OutboxQueue> | undefined;

  function queue(): Promise<OutboxQueue> {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  }

  return {
    enqueue: async (ids, requestId) => {
      if (ids.length === 0) return;
      try {
        await (await queue()).enqueue(ids, requestId);
      } catch (error) {
        onError(error);
      }
    },
    depth: async () => (await queue()).depth(),
    close: async () => {
      const found = await opened?.catch(() => undefined);
      await found?.close();
    },
  };
}
