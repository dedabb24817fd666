import { setTimeout as sleep } from 'node:timers/promises';
import { SpanKind } from '@opentelemetry/api';
import { UnrecoverableError } from 'bullmq';
import type { Logger } from 'pino';
import type { Database, Transaction } from '../db/client.ts';
import { withTransaction } from '../db/transaction.ts';
import { type Claim, type OutboxKind, type Outcome, recordSent, recordUnsent } from '../domain/outbox/outbox.ts';
import { databaseWaitMsMax } from '../lib/deadline.ts';
import { msSince } from '../lib/elapsed.ts';
import { withoutAddresses } from '../lib/email-address.ts';
import { createSlots } from '../lib/slots.ts';
import { batchJobSchema, type QueuedRow } from '../schema/jobs.ts';
import { inSpan, inTraceOf } from '../telemetry/spans.ts';
import { createTracedBatcher } from '../telemetry/traced-batcher.ts';

const recordRetryMs = 250;
/** One batch at a time: what comes meanwhile makes the next one larger, and a batch costs little more than a row. */
const oneByOne = {
  batchesMax: 1,
  batchSizeMax: 100,
  waitingMax: Number.POSITIVE_INFINITY,
  deadlineMs: databaseWaitMsMax,
};

/** What became of one attempt: what was `refused` is tried again, what has `failed` when an admin says so. */
export type AttemptOutcome = 'sent' | 'refused' | 'failed';

/** A kind of the outbox as the worker sees it: how it is claimed and handed over, and how many are in hand at once. */
export type DeliveryKind<Item extends Claim> = OutboxKind & {
  /** For spans and log lines: `mail`, `mails`. */
  word: string;
  plural: string;
  /** Takes rows into this worker's hands, with all that handing them over needs. */
  claim: (tx: Transaction, ids: string[]) => Promise<Map<string, Item>>;
  /** Never rejects, and takes less than the lease from `begunAt` on, when the claim began by `performance.now()`. */
  handOver: (item: Item, begunAt: number) => Promise<Outcome>;
  /** May change; what is in hand beyond what is being handed over is claimed in larger batches. */
  inHandMax: () => number;
  /** Records what outcomes say of more than their rows, in the transaction that records these. */
  settle?: (tx: Transaction, ended: { item: Item; givenUp: boolean }[]) => Promise<void>;
  /** What log lines say of a row, beside its id. */
  facts: (item: Item) => Record<string, unknown>;
};

type DeliveryNeeds = {
  db: Database;
  log: Logger;
  onOutcome: (outcome: AttemptOutcome) => void;
  /** Hears of every row that was claimed, once nothing is left to do about it; `ok` is false when that threw. */
  onEnd: (ok: boolean, seconds: number) => void;
  /** Hears what kept an outcome from being recorded; the relay makes up for it. */
  onError: (error: unknown) => void;
  /** True once the process is to end; what is not claimed by then is left to the relay. */
  stopping: () => boolean;
};

export type Delivery = {
  /**
   * Hands over the rows that a job names, each once: it is claimed, handed over, its outcome recorded. What is in other
   * hands is left alone. Resolves once all of them are claimed, because from then on their leases stand for them.
   * @throws what kept a row from being claimed
   */
  take: (payload: unknown) => Promise<void>;
  /** Resolves once nothing is in hand. */
  drained: () => Promise<void>;
};

/** Works on one kind of the outbox, for itself: what one kind waits for delays no other. */
export function createDelivery<Item extends Claim>(kind: DeliveryKind<Item>, needs: DeliveryNeeds): Delivery {
  const { db, log, onOutcome, onEnd, onError, stopping } = needs;
  const { word, plural, claim, handOver, facts, leaseMs } = kind;
  const slots = createSlots(kind.inHandMax);
  const inHand = new Set<Promise<void>>();
  // What is claimed or recorded at the same time shares a transaction, which costs more than anything else about a row.
  const claims = createTracedBatcher<string, Item | null>(`claim ${plural}`, {
    ...oneByOne,
    run: async (ids, endsAt) => {
      const claimed = await withTransaction(db, (tx) => claim(tx, ids), endsAt);
      return ids.map((id) => {
        const item = claimed.get(id) ?? null;
        // Jobs are delivered at least once, so an id may be here twice; one of them may send.
        claimed.delete(id);
        return item;
      });
    },
  });
  const records = createTracedBatcher<{ item: Item; outcome: Outcome }, { givenUp: boolean }>(`record ${plural}`, {
    ...oneByOne,
    run: async (ended, endsAt) => {
      const sent = ended.filter(({ outcome }) => outcome.result === 'sent').map(({ item }) => item.id);
      const unsent = ended.flatMap(({ item: { id, attempts }, outcome }) =>
        outcome.result === 'sent' ? [] : [{ id, attempts, outcome }],
      );
      return withTransaction(
        db,
        async (tx) => {
          if (sent.length > 0) await recordSent(tx, kind, sent);
          const failed = unsent.length > 0 ? await recordUnsent(tx, kind, unsent) : new Set<string>();
          const told = ended.map(({ item }) => ({ item, givenUp: failed.has(item.id) }));
          await kind.settle?.(tx, told);
          return told;
        },
        endsAt,
      );
    },
  });

  /** The row has been handed over, so this must not be forgotten while there is time: it would be done again. */
  async function recordForSure(item: Item): Promise<void> {
    const endsAt = performance.now() + leaseMs;
    for (;;) {
      try {
        await records.add({ item, outcome: { result: 'sent' } });
        return;
      } catch (error) {
        if (performance.now() > endsAt) throw error;
        log.warn({ err: error, [`${word}Id`]: item.id }, `${word} sent but not yet recorded`);
        await sleep(recordRetryMs);
      }
    }
  }

  async function deliver(item: Item, requestId: string | undefined, startedAt: number): Promise<void> {
    const outcome = await handOver(item, startedAt);
    const told = { requestId, [`${word}Id`]: item.id, ...facts(item), attempt: item.attempts };
    if (outcome.result === 'sent') {
      await recordForSure(item);
      log.info({ ...told, durationMs: msSince(startedAt) }, `${word} sent`);
      onOutcome('sent');
      return;
    }
    if (outcome.result === 'refused') {
      const { error: reason, permanent } = outcome;
      log.warn(
        { ...told, permanent, reason: withoutAddresses(reason), durationMs: msSince(startedAt) },
        `${word} refused`,
      );
    }
    const { givenUp } = await records.add({ item, outcome });
    if (outcome.result === 'refused') onOutcome(givenUp ? 'failed' : 'refused');
  }

  /** Resolves once the row is claimed, or found in other hands. */
  async function takeRow({ id, requestId, traceparent }: QueuedRow): Promise<void> {
    await slots.take();
    if (stopping()) {
      slots.free();
      return;
    }
    const startedAt = performance.now();
    let item: Item | null = null;
    let told = () => {};
    const claimed = new Promise<void>((resolve) => {
      told = resolve;
    });
    const attributes = { [`shop.${word}_id`]: id };
    const work = inTraceOf({ traceparent }, () =>
      inSpan(`send ${word}`, { kind: SpanKind.CONSUMER, attributes }, async () => {
        item = await claims.add(id);
        told();
        if (item) await deliver(item, requestId, startedAt);
      }),
    );
    const ended = work.then(
      () => item && onEnd(true, (performance.now() - startedAt) / 1_000),
      (error: unknown) => {
        onEnd(false, (performance.now() - startedAt) / 1_000);
        // Of a row that could not be claimed its job hears.
        if (item) onError(error);
      },
    );
    const end: Promise<void> = ended.then(() => {
      inHand.delete(end);
      slots.free();
    });
    inHand.add(end);
    await Promise.race([claimed, work]);
  }

  return {
    take: async (payload) => {
      const job = batchJobSchema.safeParse(payload);
      if (!job.success) throw new UnrecoverableError('the payload names no rows');
      await Promise.all(job.data.rows.map(takeRow));
    },
    drained: async () => {
      while (inHand.size > 0) await Promise.all(inHand);
    },
  };
}
