import type { Hook } from '@hono/zod-openapi';
import type { z } from 'zod';
import { type ErrorCode, ShopError } from '../errors.ts';
import { fieldErrorsOf, problemSchema } from '../schema/common.ts';
import type { Scope } from '../schema/keys.ts';
import type { AppEnv } from './env.ts';
import { answers } from './problem.ts';

const headerDescriptions = {
  'Content-Disposition': 'The name of the file',
  ETag: 'The entity tag of this version',
  'Idempotent-Replayed': '`true` when this is the answer to an earlier request with the same key',
  Location: 'The path of what was made',
  'Retry-After': 'Seconds until it is worth asking again',
  'X-Cache': '`HIT`, `MISS`, or `BYPASS` when the cache could not be asked',
};

type HeaderName = keyof typeof headerDescriptions;

/** The headers that an answer may carry beside the usual ones, in a route's declaration. */
export function declaredHeaders(...names: HeaderName[]) {
  const declared = names.map((name) => [
    name,
    { description: headerDescriptions[name], schema: { type: 'string' as const } },
  ]);
  return Object.fromEntries(declared);
}

/** A JSON answer in a route's declaration, with its headers. */
export function json<Schema extends z.ZodType>(schema: Schema, description: string, ...headers: HeaderName[]) {
  return { content: { 'application/json': { schema } }, description, headers: declaredHeaders(...headers) };
}

/** That what the caller has is current, likewise. */
export function unchanged(...headers: HeaderName[]) {
  return {
    description: 'Unchanged since the entity tag in `If-None-Match`',
    headers: declaredHeaders('ETag', ...headers),
  };
}

/** A JSON body that a route requires. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { content: { 'application/json': { schema } }, required: true } as const;
}

/** In a route's declaration: a read that may answer 304. Read by hand, because validating it costs more than comparing. */
export const ifNoneMatch = {
  in: 'header',
  name: 'If-None-Match',
  schema: { type: 'string' },
  description: 'An `ETag`; 304 if it is still the current one.',
} as const;

const everywhere = ['internal_error', 'unavailable'] as const;
const ofBodies = ['malformed_json', 'payload_too_large', 'unsupported_media_type', 'validation_failed'] as const;

/**
 * Of routes for those who are signed in, of those where an admin may do for others what these do for themselves, and of
 * those that keys may call as well.
 */
export const ofCallers = ['unauthenticated', 'forbidden'] as const;
export const ofSelfOrAdmins = [...ofCallers, 'totp_required'] as const;
export const ofCallersAndKeys = [...ofCallers, 'missing_scope', 'totp_required'] as const;

type Everywhere = (typeof everywhere)[number];
type OfBodies = (typeof ofBodies)[number];

/** The headers that go with a refusal; `headersOf` in `problem.ts` sends them. */
const headersByCode: Partial<Record<ErrorCode, Record<string, string>>> = {
  unauthenticated: { 'WWW-Authenticate': 'How to sign in: `Bearer`' },
  rate_limited: {
    'Retry-After': 'Seconds until it is worth trying again',
    'RateLimit-Limit': 'How many attempts there are',
    'RateLimit-Remaining': 'How many are left',
    'RateLimit-Reset': 'Seconds until all of them are there again',
  },
  unavailable: { 'Retry-After': 'Seconds until it is worth trying again' },
};

/** What of a refusal is more than its title. */
const detailsByCode: Partial<Record<ErrorCode, object>> = {
  validation_failed: { errors: [{ path: 'name', message: 'must have 1 to 100 characters after trimming' }] },
  insufficient_stock: { errors: [{ productId: '019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3c', requested: 2, available: 1 }] },
  order_too_recent: { deletableAt: '2026-11-23T12:00:00.000Z' },
  order_status_conflict: { currentStatus: 'delivered' },
  stock_changed: { currentStock: 24 },
  missing_scope: { scope: 'orders:write' },
};

function exampleOf(code: ErrorCode) {
  const { title, status } = answers[code];
  const about = { type: `/docs#${code}`, title, status, detail: `${title}.`, code };
  return { summary: title, value: { ...about, requestId: 'c0ffee00-1', ...detailsByCode[code] } };
}

/** What is answered with a status, for the reasons that these codes name. */
function refusal(codes: readonly ErrorCode[]) {
  const examples = Object.fromEntries(codes.map((code) => [code, exampleOf(code)]));
  const headers = Object.entries(
    Object.assign({}, ...codes.map((code) => headersByCode[code])) as Record<string, string>,
  );
  return {
    content: { 'application/problem+json': { schema: problemSchema, examples } },
    description: codes.map((code) => `\`${code}\`: ${answers[code].title}`).join('; '),
    headers: Object.fromEntries(
      headers.map(([name, description]) => [name, { description, schema: { type: 'string' as const } }]),
    ),
  };
}

type StatusOf<Code extends ErrorCode> = (typeof answers)[Code]['status'];

/**
 * Declares the refusals that a route can give, by their codes, with those that every route can.
 * @returns for each of their statuses what is answered
 */
export function problems<Code extends ErrorCode>(...codes: Code[]) {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set<ErrorCode>([...codes, ...everywhere])) {
    const { status } = answers[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const declared = [...byStatus].map(([status, ofStatus]) => [status, refusal(ofStatus)]);
  return Object.fromEntries(declared) as Record<StatusOf<Code | Everywhere>, ReturnType<typeof refusal>>;
}

/** The same for a route that takes a JSON body. */
export function bodyProblems<Code extends ErrorCode>(...codes: Code[]) {
  return problems<Code | OfBodies>(...ofBodies, ...codes);
}

/** In a route's declaration: the caller must be signed in. */
export const bearer = [{ bearer: [] }];

/** The same where a program's key with a scope will do, too. */
export const bearerOrKey = (scope: Scope) => [...bearer, { key: [scope] }];

/** Refuses what a schema does not accept, naming every field at once. */
export const refuseInvalid: Hook<unknown, AppEnv, string, void> = (result, c) => {
  if (result.success) {
    // Hono overlooks a parameter without a name.
    if (result.target !== 'query' || !/^[^?]*\?(?:.*&)?=/s.test(c.req.url)) return;
    const errors = [{ path: '', message: 'A parameter has no name.' }];
    throw new ShopError('validation_failed', 'The query is not valid.', { errors });
  }
  throw new ShopError('validation_failed', `The ${partNames[result.target] ?? 'request'} is not valid.`, {
    errors: fieldErrorsOf(result.error),
  });
};

const partNames: Partial<Record<string, string>> = { json: 'body', query: 'query', header: 'header' };
