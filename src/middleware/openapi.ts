import type { Hook } from '@hono/zod-openapi';
import type { z } from 'zod';
import { ShopError } from '../errors.ts';
import { fieldErrorsOf, problemSchema } from '../schema/common.ts';
import type { Scope } from '../schema/keys.ts';
import type { AppEnv } from './env.ts';

const headerDescriptions = {
  ETag: 'The entity tag of this version',
  'Idempotent-Replayed': '`true` when this is the answer to an earlier request with the same key',
  Location: 'The path of what was made',
  'X-Cache': '`HIT`, `MISS`, or `BYPASS` when the cache could not be asked',
};

/** A JSON answer in a route's declaration, with the headers that it may carry beside the usual ones. */
export function json<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
  ...headers: (keyof typeof headerDescriptions)[]
) {
  const declared = headers.map((name) => [
    name,
    { description: headerDescriptions[name], schema: { type: 'string' as const } },
  ]);
  return { content: { 'application/json': { schema } }, description, headers: Object.fromEntries(declared) };
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

const problemAnswer = { content: { 'application/problem+json': { schema: problemSchema } }, description: 'Problem' };

const everywhere = [500, 503] as const;
const ofBodies = [400, 413, 415, 422] as const;

/** Declares the refusals that a route can give, with those that every route can. */
export function problems<Status extends number>(...statuses: Status[]) {
  const all: (Status | (typeof everywhere)[number])[] = [...statuses, ...everywhere];
  return Object.fromEntries(all.map((status) => [status, problemAnswer])) as Record<
    Status | (typeof everywhere)[number],
    typeof problemAnswer
  >;
}

/** The same for a route that takes a JSON body. */
export function bodyProblems<Status extends number>(...statuses: Status[]) {
  return problems<Status | (typeof ofBodies)[number]>(...ofBodies, ...statuses);
}

/** In a route's declaration: the caller must be signed in. */
export const bearer = [{ bearer: [] }];

/** The same where a program's key with a scope will do, too. */
export const bearerOrKey = (scope: Scope) => [...bearer, { key: [scope] }];

/** Refuses what a schema does not accept, naming every field at once. */
export const refuseInvalid: Hook<unknown, AppEnv, string, void> = (result) => {
  if (result.success) return;
  throw new ShopError('validation_failed', `The ${partNames[result.target] ?? 'request'} is not valid.`, {
    errors: fieldErrorsOf(result.error),
  });
};

const partNames: Partial<Record<string, string>> = { json: 'body', query: 'query', header: 'header' };
