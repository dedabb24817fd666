import { describe, expect, test } from 'bun:test';
import { givenLoad, pause } from '../../tests/support/wait.ts';
import type { DeliveryToSend } from '../domain/outbox/webhook-deliveries.ts';
import { webhookDelivery } from './send-webhook.ts';
import type { PostAnswer } from './webhook-post.ts';

const taken: PostAnswer = { status: 204, body: '', retryAfter: undefined };

let made = 0;
function deliveryTo(webhookId: string, more: Partial<DeliveryToSend['webhook']> = {}): DeliveryToSend {
  made += 1;
  return {
    id: `delivery ${made}`,
    attempts: 1,
    type: 'webhook.test',
    data: {},
    createdAt: new Date(0),
    claimedAt: new Date(0),
    webhook: {
      id: webhookId,
      url: `http://${webhookId}/`,
      secrets: ['whsec_AAAA'],
      live: true,
      failing: false,
      ...more,
    },
  };
}

/** Receivers that answer when they are told to, or at once if they are not among those that hang. */
function openReceivers(...hanging: string[]) {
  const open: { url: string; answer: (answer: PostAnswer) => void }[] = [];
  const delivery = webhookDelivery(
    (url) =>
      hanging.includes(new URL(url).hostname)
        ? new Promise((resolve) => open.push({ url, answer: resolve }))
        : Promise.resolve(taken),
    { currency: 'USD', stopping: () => false },
  );
  const send = (to: DeliveryToSend) => delivery.handOver(to, performance.now());
  const answerAll = (answer: PostAnswer) => {
    for (const each of open.splice(0)) each.answer(answer);
  };
  return { send, open, answerAll };
}

/** However many hang or are slow, one that answers at once is not kept waiting. */
async function expectNoWait(send: ReturnType<typeof openReceivers>['send'], deliveries: number): Promise<void> {
  const startedAt = performance.now();
  for (let count = 0; count < deliveries; count += 1) {
    expect(await send(deliveryTo('quick'))).toEqual({ result: 'sent' });
  }
  expect(performance.now() - startedAt).toBeLessThan(givenLoad(1_000));
}

const untried = { result: 'untried', afterMs: expect.any(Number) } as const;

describe('a webhook that hangs', () => {
  describe('when it is owed much', () => {
    test('has one request, keeps a few more in hand, and gives the rest back at once', async () => {
      const { send, open, answerAll } = openReceivers('slow');
      const outcomes = Array.from({ length: 100 }, () => send(deliveryTo('slow')));
      const settled: unknown[] = [];
      for (const outcome of outcomes) void outcome.then((value) => settled.push(value));
      await Promise.resolve();
      await new Promise((resolve) => setImmediate(resolve));
      expect(open).toHaveLength(1);
      expect(settled).toEqual(Array.from({ length: 49 }, () => untried));
      answerAll(taken);
      await new Promise((resolve) => setImmediate(resolve));
      // Once it has answered quickly.
      expect(open).toHaveLength(4);
      while (settled.length < 100) {
        await new Promise((resolve) => setImmediate(resolve));
        answerAll(taken);
      }
      expect(settled.filter((outcome) => (outcome as { result: string }).result === 'sent')).toHaveLength(51);
    });

    test('has one request at a time from its first failure on, until a success', async () => {
      const { send, open, answerAll } = openReceivers('slow');
      const first = send(deliveryTo('slow', { failing: true }));
      expect(await send(deliveryTo('slow', { failing: true }))).toEqual(untried);
      expect(open).toHaveLength(1);
      answerAll(taken);
      expect(await first).toEqual({ result: 'sent' });
      const next = [1, 2].map(() => send(deliveryTo('slow')));
      const timer = setInterval(() => answerAll(taken), 1);
      expect(await Promise.all(next)).toEqual([{ result: 'sent' }, { result: 'sent' }]);
      clearInterval(timer);
    });
  });

  describe('when others are owed something meanwhile', () => {
    test('does not keep them waiting, though there are many that hang', async () => {
      const slow = Array.from({ length: 15 }, (_, index) => `slow${index}`);
      const { send, open, answerAll } = openReceivers(...slow);
      const kept = slow.flatMap((name) => Array.from({ length: 10 }, () => send(deliveryTo(name))));
      await new Promise((resolve) => setImmediate(resolve));
      expect(open).toHaveLength(15);
      await expectNoWait(send, 200);
      const timer = setInterval(() => answerAll(taken), 1);
      await Promise.all(kept);
      clearInterval(timer);
    });
  });
});

describe('webhooks that take what they are sent, but slowly', () => {
  describe('when there are more of them than a worker has requests', () => {
    test('leave the others their room', async () => {
      const slow = Array.from({ length: 12 }, (_, index) => `slow${index}`);
      const { send, open, answerAll } = openReceivers(...slow);
      const first = slow.map((name) => send(deliveryTo(name)));
      await pause(1_100);
      answerAll(taken);
      await Promise.all(first);
      const next = slow.flatMap((name) => Array.from({ length: 3 }, () => send(deliveryTo(name))));
      await new Promise((resolve) => setImmediate(resolve));
      // Two to each, and eight to all of them.
      expect(open).toHaveLength(8);
      await expectNoWait(send, 200);
      const timer = setInterval(() => answerAll(taken), 1);
      expect((await Promise.all(next)).filter(({ result }) => result === 'sent').length).toBeGreaterThanOrEqual(8);
      clearInterval(timer);
    });
  });
});

describe('webhooks that are known to hang', () => {
  describe('when there are more of them than a worker has requests', () => {
    test('leave the others their room', async () => {
      const slow = Array.from({ length: 40 }, (_, index) => `slow${index}`);
      const { send, open, answerAll } = openReceivers(...slow);
      const kept = slow.map((name) => send(deliveryTo(name, { failing: true })));
      await new Promise((resolve) => setImmediate(resolve));
      expect(open).toHaveLength(4);
      await expectNoWait(send, 1);
      // Without room they do not wait for those that have it.
      await Promise.all(kept.slice(4));
      answerAll(taken);
      const outcomes = await Promise.all(kept);
      expect(outcomes.filter(({ result }) => result === 'sent')).toHaveLength(4);
      expect(outcomes.filter(({ result }) => result === 'untried')).toHaveLength(36);
    });
  });
});

describe('an answer', () => {
  const outcomeOf = async (answer: Partial<PostAnswer>) => {
    const { send, open, answerAll } = openReceivers('one');
    const outcome = send(deliveryTo('one'));
    while (open.length === 0) await new Promise((resolve) => setImmediate(resolve));
    answerAll({ ...taken, ...answer });
    return outcome;
  };

  describe('when it is no success', () => {
    test.each([
      [{ status: 500, body: ' Oops\u0000\r\n' }, 'answered 500: Oops'],
      [{ status: 404 }, 'answered 404'],
      [{ status: 302 }, 'answered 302, and redirects are not followed'],
    ])('is tried again, and told: %j', async (answer, error) => {
      expect(await outcomeOf(answer)).toEqual({ result: 'refused', error, permanent: false, afterMs: 0 });
    });

    test('is told no longer than 500 characters', async () => {
      const outcome = await outcomeOf({ status: 500, body: 'x'.repeat(60_000) });
      expect(outcome).toMatchObject({ result: 'refused', error: `answered 500: ${'x'.repeat(486)}` });
    });

    test('is not tried again after 410', async () => {
      expect(await outcomeOf({ status: 410 })).toMatchObject({ result: 'refused', permanent: true });
    });
  });

  describe('when it says how long to wait', () => {
    test.each([
      ['120', 120_000],
      ['0', 0],
      ['-5', 0],
      ['soon', 0],
      ['99999999', 24 * 3_600_000],
      [new Date(Date.now() - 60_000).toUTCString(), 0],
    ])('waits as long, or a day: %s', async (retryAfter, afterMs) => {
      expect(await outcomeOf({ status: 503, retryAfter })).toMatchObject({ afterMs });
    });

    test('waits until a moment that it names', async () => {
      const outcome = await outcomeOf({ status: 429, retryAfter: new Date(Date.now() + 600_000).toUTCString() });
      const { afterMs = 0 } = outcome as { afterMs?: number };
      expect(afterMs).toBeWithin(590_000, 600_001);
    });
  });
});
