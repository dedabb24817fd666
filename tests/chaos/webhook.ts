import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import type { WebhookBody } from '../../src/schema/webhooks.ts';
import { eventually } from '../support/wait.ts';
import type { Client } from './client.ts';
import type { Journal } from './journal.ts';
import type { Limits } from './limits.ts';
import type { Records } from './records.ts';

/** How the receiver treats what it is sent, which it keeps in any case. */
export type ReceiverBehaviour = 'accepts' | 'refuses' | 'hangs' | 'hangs up' | 'redirects' | 'answers 410';

/** What the receiver was sent: under which id, and what it tells of, by the same key as `toldFacts` has. */
export type Reception = { id: string; fact: string };

/** A receiver of the shop's webhook. */
export type ChaosReceiver = {
  url: string;
  receptions: Reception[];
  behave: (behaviour: ReceiverBehaviour) => void;
  /** From when on everything that comes has to be signed with this. */
  expectSecret: (secret: string) => void;
  stop: () => Promise<void>;
};

/** When the webhook was disabled, and enabled again by staff; Unix ms. */
type Gap = { from: number; to: number };

/** The one webhook of a run, which staff keep alive. */
export type ChaosWebhook = {
  /** Enables it again and sends what has failed once more, if it is disabled. */
  lookAfter: () => Promise<void>;
  /** Does so until nothing is left to be sent again. */
  settle: () => Promise<void>;
  gaps: Gap[];
};

/** Starts a receiver; `breach` hears of what has no right signature, which is no fact. */
export async function startChaosReceiver({ breach }: Journal): Promise<ChaosReceiver> {
  const receptions: Reception[] = [];
  let behaviour: ReceiverBehaviour = 'accepts';
  let signature: Webhook | undefined;

  function keep({ headers }: IncomingMessage, body: string): void {
    try {
      const message = signature?.verify(body, headers as Record<string, string>) as Message;
      receptions.push({ id: String(headers['webhook-id']), fact: factOf(message) });
    } catch (error) {
      breach('What a webhook is sent is signed with its secret', `${error}: ${body}`);
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    keep(request, (await buffer(request)).toString());
    if (behaviour === 'hangs') return;
    if (behaviour === 'hangs up') request.socket.destroy();
    else if (behaviour === 'redirects') response.writeHead(307, { Location: '/elsewhere' }).end();
    else response.writeHead(statuses[behaviour]).end();
  }

  // Who goes away in mid-sentence sends it again.
  const server = createServer((request, response) => void answer(request, response).catch(() => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    receptions,
    behave(next) {
      behaviour = next;
      if (next !== 'hangs') server.closeAllConnections();
    },
    expectSecret(secret) {
      signature = new Webhook(secret);
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const statuses = { accepts: 204, refuses: 503, 'answers 410': 410 } as const;

type Message = { type: string; data: { id: string; run?: number } };

const factOf = ({ type, data }: Message) => `${type} ${data.id}${data.run === undefined ? '' : ` ${data.run}`}`;

/** What it wants to hear of: facts that Postgres can be asked for one by one. */
const events = [
  'order.pending',
  'order.processing',
  'order.shipped',
  'order.delivered',
  'order.cancelled',
  'stock.changed',
];

type Needs = { client: Client; receiver: ChaosReceiver; adminToken: string; limits: Limits };

/** Makes the webhook of a run. */
export async function createWebhook({ client, receiver, adminToken, limits }: Needs): Promise<ChaosWebhook> {
  const gaps: Gap[] = [];
  const wanted = { url: receiver.url, events };
  const ask = <Body>(method: string, path: string, body: object | undefined, expected: number) =>
    client<Body>({ method, path, body, token: adminToken, expected: [expected] });
  const made = await ask<WebhookBody & { secret: string }>('POST', '/api/webhooks', wanted, 201);
  if (made?.status !== 201) throw new Error('The webhook of this run was not made.');
  const { id, secret } = made.body;
  receiver.expectSecret(secret);
  const failed = () => ask<{ queued: number }>('POST', '/api/failed-webhook-deliveries/send', undefined, 200);

  /** Whether nothing had to be done. */
  async function lookAfter(): Promise<boolean> {
    const found = await ask<WebhookBody>('GET', `/api/webhooks/${id}`, undefined, 200);
    if (found?.status !== 200) return false;
    const { disabledAt } = found.body;
    if (disabledAt === null) return true;
    if ((await ask('PUT', `/api/webhooks/${id}`, wanted, 200))?.status !== 200) return false;
    // What was written before had been decided up to a whole request earlier.
    gaps.push({ from: Date.parse(disabledAt) - limits.unavailableMs, to: Date.now() });
    await failed();
    return false;
  }

  return {
    lookAfter: async () => void (await lookAfter()),
    settle: async () => {
      const isSettled = async () => (await lookAfter()) && (await failed())?.body.queued === 0;
      await eventually(isSettled, { withinMs: limits.settledMs, everyMs: 500 });
    },
    gaps,
  };
}

/** What the webhook has been told of: once, or again under the same id. */
export type WebhookTally = { owed: number; once: number; repeated: number };

/** One id for each fact that Postgres holds, told at least once, and none that it does not hold. */
export function checkWebhook(
  { orders, changes }: Pick<Records, 'orders' | 'changes'>,
  receptions: Reception[],
  gaps: Gap[],
  breach: Journal['breach'],
): WebhookTally {
  const facts = new Map<string, number>([
    ...orders.flatMap(({ id, history }) =>
      history.map(({ run, status, at }) => [`order.${status} ${id} ${run}`, at] as const),
    ),
    ...changes.map(({ id, at }) => [`stock.changed ${id}`, at] as const),
  ]);
  const isEither = (at: number) => gaps.some(({ from, to }) => at >= from && at <= to);
  const told = Map.groupBy(receptions, ({ fact }) => fact);
  for (const [fact, at] of facts) {
    if (!told.has(fact) && !isEither(at)) breach('A webhook is told of every fact', `${fact}, at ${at}`);
  }
  const factOfId = new Map<string, string>();
  for (const [fact, copies] of told) {
    if (!facts.has(fact)) breach('A webhook is told of nothing that is not so', fact);
    const ids = [...new Set(copies.map(({ id }) => id))];
    if (ids.length > 1) breach('What a webhook is told again has the same id', `${fact}: ${ids.join(', ')}`);
    for (const id of ids) {
      if (factOfId.has(id)) breach('An id is that of one fact', `${id}: ${factOfId.get(id)}, ${fact}`);
      factOfId.set(id, fact);
    }
  }
  const counts = [...told.values()].map(({ length }) => length);
  return {
    owed: facts.size,
    once: counts.filter((count) => count === 1).length,
    repeated: counts.filter((count) => count > 1).length,
  };
}
