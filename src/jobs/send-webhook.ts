import { createHmac } from 'node:crypto';
import { webhookOutbox } from '../domain/outbox/kinds.ts';
import type { Outcome } from '../domain/outbox/outbox.ts';
import {
  claimDeliveries,
  type DeliveryToSend,
  type Reception,
  recordReceptions,
} from '../domain/outbox/webhook-deliveries.ts';
import { oneLine } from '../lib/one-line.ts';
import { createSlots, type Slots } from '../lib/slots.ts';
import type { DeliveryKind } from './delivery.ts';
import type { Post, PostAnswer } from './webhook-post.ts';

/** How a webhook has answered lately; `unknown` until it has. */
type Manner = 'unknown' | 'quick' | 'slow' | 'failing';
/** Requests under way, to all webhooks of a manner and to one of them: each has room apart, so that none waits for others. */
const requestsMax: Record<Manner, { toAll: number; toOne: number }> = {
  unknown: { toAll: 16, toOne: 1 },
  quick: { toAll: 16, toOne: 4 },
  slow: { toAll: 8, toOne: 2 },
  failing: { toAll: 4, toOne: 1 },
};
/** What takes longer to answer is slow. */
const quickMsMax = 1_000;
/** Of so many slow ones it is remembered while nothing is sent to them. */
const slowKnownMax = 1_000;
/** Deliveries in hand: of this worker, and of them so many that wait until a webhook has room for them. */
const inHandMax = 300;
const waitingMax = 50;
/** Both together below the outbox's lease. */
const turnMsMax = 3_000;
const answerMsMax = 10_000;
/** What could not be sent for want of room is looked at again after that, and up to as much more by chance. */
const spareMs = 1_000;
const errorCharactersMax = 500;
/** However long a receiver asks us to wait. */
const retryAfterMsMax = 24 * 3_600_000;
const gone = 410;

/** A webhook as this worker knows it. */
type Receiver = { slots: Slots; manner: Manner };

/** How the receiver took one attempt, and what that makes of the delivery. */
type Attempt = { reception: Reception['result']; outcome: Outcome };

type WebhookTerms = { currency: string; stopping: () => boolean };

/** The deliveries of the outbox: signed by Standard Webhooks, and posted to where each webhook leads. */
export function webhookDelivery(post: Post, { currency, stopping }: WebhookTerms): DeliveryKind<DeliveryToSend> {
  const roomOf = (manner: Manner) => createSlots(() => requestsMax[manner].toAll);
  const rooms = {
    unknown: roomOf('unknown'),
    quick: roomOf('quick'),
    slow: roomOf('slow'),
    failing: roomOf('failing'),
  };
  const receivers = new Map<string, Receiver>();
  const slow = new Set<string>();
  const receptions = new WeakMap<DeliveryToSend, Reception['result']>();

  function receiverOf({ id, failing }: DeliveryToSend['webhook']): Receiver {
    const known = receivers.get(id);
    if (known) return known;
    const receiver: Receiver = {
      manner: failing ? 'failing' : slow.has(id) ? 'slow' : 'unknown',
      slots: createSlots(() => requestsMax[receiver.manner].toOne),
    };
    receivers.set(id, receiver);
    return receiver;
  }

  function remember(id: string, isSlow: boolean): void {
    slow.delete(id);
    if (isSlow) slow.add(id);
    const [oldest] = slow;
    if (oldest !== undefined && slow.size > slowKnownMax) slow.delete(oldest);
  }

  /**
   * A webhook that hangs, or has more to take than it can, keeps nothing in hand that others could have.
   * @returns what ends the turn, or null when there was none in time
   */
  async function takeTurn(receiver: Receiver, begunAt: number): Promise<(() => void) | null> {
    const leftMs = () => Math.max(0, Math.round(begunAt + turnMsMax - performance.now()));
    const { slots } = receiver;
    const waitMs = () => (receiver.manner === 'failing' ? 0 : leftMs());
    if (stopping() || slots.waiting() >= waitingMax) return null;
    if (!(await slots.take(waitMs()))) return null;
    const room = rooms[receiver.manner];
    if (!stopping() && (await room.take(waitMs()))) {
      return () => {
        room.free();
        slots.free();
      };
    }
    slots.free();
    return null;
  }

  async function attempt(delivery: DeliveryToSend): Promise<Attempt> {
    const { url } = delivery.webhook;
    const body = bodyOf(delivery, currency);
    try {
      return attemptOf(await post(url, headersOf(delivery, body), body, answerMsMax));
    } catch (error) {
      return {
        reception: 'failed',
        outcome: { result: 'refused', error: told(reasonOf(error)), permanent: false },
      };
    }
  }

  return {
    ...webhookOutbox,
    word: 'delivery',
    plural: 'deliveries',
    claim: claimDeliveries,
    handOver: async (delivery, begunAt) => {
      // The relay gives it up.
      if (!delivery.webhook.live) return { result: 'untried' };
      const receiver = receiverOf(delivery.webhook);
      const endTurn = await takeTurn(receiver, begunAt);
      try {
        if (!endTurn) return { result: 'untried', afterMs: Math.round(spareMs * (1 + Math.random())) };
        const askedAt = performance.now();
        const { reception, outcome } = await attempt(delivery);
        const isQuick = performance.now() - askedAt <= quickMsMax;
        // Nothing is new about one that goes on taking what it is sent.
        if (reception !== 'taken' || delivery.webhook.failing || receiver.manner === 'failing') {
          receptions.set(delivery, reception);
        }
        receiver.manner = reception !== 'taken' ? 'failing' : isQuick ? 'quick' : 'slow';
        remember(delivery.webhook.id, receiver.manner === 'slow');
        return outcome;
      } finally {
        endTurn?.();
        if (receiver.slots.taken() + receiver.slots.waiting() === 0) receivers.delete(delivery.webhook.id);
      }
    },
    settle: async (tx, ended) => {
      const told = ended.flatMap(({ item, givenUp }) => {
        const result = receptions.get(item);
        const { id: webhookId, url } = item.webhook;
        if (!result) return [];
        return [{ webhookId, url, result: result === 'failed' && givenUp ? ('given up' as const) : result }];
      });
      await recordReceptions(tx, told);
    },
    inHandMax: () => inHandMax,
    facts: ({ webhook, type }) => ({ webhookId: webhook.id, type }),
  };
}

/** The same for every attempt. */
function bodyOf({ type, createdAt, data }: DeliveryToSend, currency: string): string {
  // The shop has one currency, which rules do not know.
  const whole = type.startsWith('product.') ? { ...Object(data), currency } : data;
  return JSON.stringify({ type, timestamp: createdAt.toISOString(), data: whole });
}

/** The headers of Standard Webhooks; every secret signs, so that a receiver may know any of them. */
function headersOf({ id, claimedAt, webhook }: DeliveryToSend, body: string): Record<string, string> {
  const timestamp = String(Math.floor(claimedAt.getTime() / 1_000));
  const signatures = webhook.secrets.map((secret) => sign(secret, `${id}.${timestamp}.${body}`));
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
    'User-Agent': 'shop-webhooks',
  };
}

function sign(secret: string, signed: string): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}

function attemptOf({ status, body, retryAfter }: PostAnswer): Attempt {
  if (status >= 200 && status < 300) return { reception: 'taken', outcome: { result: 'sent' } };
  const redirect = status >= 300 && status < 400 ? ', and redirects are not followed' : '';
  const error = told(`answered ${status}${redirect}${body.trim() && `: ${body.trim()}`}`);
  return {
    reception: status === gone ? 'gone' : 'failed',
    outcome: { result: 'refused', error, permanent: status === gone, afterMs: readRetryAfter(retryAfter) },
  };
}

/** Reads seconds, or a moment (RFC 9110, section 10.2.3); 0 for what is neither. */
function readRetryAfter(text = ''): number {
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Math.min(Math.max(0, Math.round(ms || 0)), retryAfterMsMax);
}

const told = (reason: string) => oneLine(reason, errorCharactersMax).trim();

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message || code || error.name;
}
