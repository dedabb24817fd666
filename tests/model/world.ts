import { createHash, randomUUID } from 'node:crypto';
import { mailToken } from '../../src/lib/mail-token.ts';
import { request } from '../support/client.ts';
import { type Shop, tokenSecret } from '../support/shop.ts';
import { eventually } from '../support/wait.ts';
import type { Call } from './calls.ts';
import type { AnsweredCall } from './explain.ts';
import { emailAddress } from './scene.ts';
import type { MailTokenKind } from './state.ts';
import { createNames, isReplay, type Names, readAnswer, type WireAnswer, wireRequest } from './wire.ts';

/** What one run of a property has to itself in a running shop: accounts, products and orders that nobody else touches. */
export type World = {
  shop: Shop;
  /** The API processes' addresses, which take turns. */
  urls: string[];
  /** Of an admin who is in no world. */
  adminToken: string;
  /** Stands in the names and addresses of this world, and in no other's. */
  word: string;
  /** The address that everyone in it seems to call from, because failures to sign in are counted by it. */
  from: string;
  names: Names;
  /** The bearer token of each session. */
  tokens: Map<string, string>;
  /** What each mail with a token brought, by the call that asked for it. */
  mailTokens: Map<string, string>;
  /** The answer that each order was placed with, or each change booked, by its id. */
  firstAnswers: Map<string, unknown>;
  /** The entity tag of each product in each version that was looked at. */
  etags: Map<string, string>;
  callsMade: number;
  /** What was done so far, to look into a failure with. */
  story: string[];
};

/** Far more than the two seconds that are promised, because this is no test of speed. */
const progressMsMax = 20_000;
let worlds = 0;

export function openWorld(shop: Shop, urls: string[], adminToken: string): World {
  worlds += 1;
  return {
    shop,
    urls,
    adminToken,
    word: `world${worlds}end`,
    from: `10.0.${(worlds >> 8) % 256}.${worlds % 256}`,
    names: createNames(),
    tokens: new Map(),
    mailTokens: new Map(),
    firstAnswers: new Map(),
    etags: new Map(),
    callsMade: 0,
    story: [],
  };
}

/** A name for the next call. */
export function nextName(world: World): string {
  world.callsMade += 1;
  return String(world.callsMade);
}

/** The API process whose turn it is. */
export function urlFor({ urls }: World, turn: number): string {
  return urls[turn % urls.length] ?? '';
}

/** Makes calls, all at once. */
export async function makeAll(world: World, calls: Call[]): Promise<AnsweredCall[]> {
  const { names, firstAnswers } = world;
  const made = await Promise.all(calls.map(async (call, turn) => ({ call, wire: await make(world, call, turn) })));
  for (const { call, wire } of made) learn(world, call, wire);
  return made.map(({ call, wire }) => ({ call, answer: readAnswer(call, wire, names.nameOf, firstAnswers) }));
}

function make(world: World, call: Call, turn: number): Promise<WireAnswer> {
  const { method, path, body, headers } = wireRequest(call, world.names.idOf, world.etags, world.mailTokens);
  return request<unknown>(urlFor(world, world.callsMade + turn), method, path, {
    token: 'by' in call && call.by !== null ? world.tokens.get(call.by) : undefined,
    body,
    headers: { 'X-Forwarded-For': isLimitedByAddress(call) ? elsewhere() : world.from, ...headers },
  });
}

/** More of them come from one address here than the shop allows in an hour. */
const isLimitedByAddress = ({ kind }: Call) => kind === 'forget password' || kind === 'ask to verify';
const elsewhere = () => `2001:db8:${randomUUID().slice(0, 4)}:${randomUUID().slice(0, 4)}::1`;

function learn({ names, tokens, firstAnswers }: World, { kind, name }: Call, answer: WireAnswer): void {
  if (kind === 'sign in' && answer.status === 200) tokens.set(name, (answer.body as { token: string }).token);
  if (answer.status !== 201 || isReplay(answer)) return;
  const body = answer.body as { id: string };
  names.bind(name, body.id);
  if (kind === 'place order' || kind === 'book stock') firstAnswers.set(body.id, body);
}

/** As if a minute had gone by since anybody of this world, or who has an address of it, had a mail with a token. */
export async function passMinute({ shop, word }: World): Promise<void> {
  const hashes = Array.from({ length: 12 }, (_, number) =>
    createHash('sha256').update(emailAddress(word, number).toLowerCase()).digest('hex'),
  );
  await shop.db`delete from mail_requests where address_hash = any(${hashes})`;
  await shop.db`
    update mails set created_at = created_at - interval '1 minute'
    where created_at > now() - interval '1 minute'
      and customer_id in (select id from customers where email like ${`%@${word}.example.com`})`;
}

/** Reads the tokens that stand, as the mails of the accounts bring them. */
export async function readMailTokens({ shop, word }: World) {
  const rows = await shop.db<{ account: string; kind: MailTokenKind; mail: string }[]>`
    select mail_tokens.customer_id as account, kind, mail_id as mail
    from mail_tokens join customers on customers.id = customer_id
    where email like ${`%@${word}.example.com`} order by kind`;
  return rows.map(({ account, kind, mail }) => ({ account, kind, token: mailToken(tokenSecret, kind, mail) }));
}

/** Lets hours pass for the orders of this world, for what it has ordered under a key, and for the tokens of its mails. */
export async function passHours({ shop, word }: World, hours: number): Promise<void> {
  await shop.db`
    with mine as (select id from customers where email like ${`%@${word}.example.com`}),
    keys as (
      update idempotency_records set created_at = created_at - make_interval(hours => ${hours})
      where customer_id in (select id from mine)
    ), owed as (
      update mails set created_at = created_at - make_interval(hours => ${hours})
      where customer_id in (select id from mine)
    )
    update orders set
      created_at = created_at - make_interval(hours => ${hours}),
      next_status_at = next_status_at - make_interval(hours => ${hours})
    where customer_id in (select id from mine)`;
}

/** Waits until the workers have taken every order of this world as far as time allows. */
export async function untilProgressed({ shop, word }: World): Promise<void> {
  await eventually(
    async () => {
      const due = await shop.db`
        select 1 from orders join customers on customers.id = customer_id
        where email like ${`%@${word}.example.com`} and next_status_at <= now() limit 1`;
      return due.length === 0;
    },
    { withinMs: progressMsMax },
  );
}

/** Does something in a world; what goes wrong comes with the story of all that was done. */
export async function withStory<Result>({ story }: World, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    throw new Error(`The shop and the model differ from here on:\n${story.join('\n')}`, { cause });
  }
}
