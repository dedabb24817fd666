import { z } from 'zod';

const controlCharacter = /[\p{Cc}\p{Zl}\p{Zp}]/u;
const lengthInCharacters = (text: string) => Array.from(text).length;

/** Text that Postgres and JSON can both carry unchanged: well-formed Unicode, no NUL. */
export const storable = z
  .string()
  .refine((text) => text.isWellFormed() && !text.includes('\0'), 'must be well-formed Unicode without NUL');

/**
 * Text of `minimum` to `maximum` characters (Unicode code points, as JSON Schema counts them), once `base` has passed.
 */
export function text(minimum: number, maximum: number, base = storable) {
  return base
    .refine((value) => lengthInCharacters(value) >= minimum && lengthInCharacters(value) <= maximum, {
      error: `must have ${minimum} to ${maximum} characters`,
    })
    .meta({ minLength: minimum, maxLength: maximum });
}

/** One line of text, trimmed before its characters are counted and after `base`, without control characters. */
export function line(minimum: number, maximum: number, base = storable) {
  return base
    .trim()
    .refine((value) => lengthInCharacters(value) >= minimum && lengthInCharacters(value) <= maximum, {
      error: `must have ${minimum} to ${maximum} characters after trimming`,
    })
    .refine((value) => !controlCharacter.test(value), 'must not contain control characters')
    .meta({ minLength: minimum, maxLength: maximum });
}

/** A whole number in a query string, between `minimum` and `maximum`. */
export function queryInteger(minimum: number, maximum: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().int().min(minimum).max(maximum))
    .meta({ type: 'integer', minimum, maximum });
}

/** `true` in a query string; there is no other value, so that a filter is either on or absent. */
export const queryTrue = z
  .literal('true')
  .transform(() => true as const)
  .meta({ type: 'string', enum: ['true'] });

/** A moment on the wire: RFC 3339, UTC, milliseconds. */
export const timestamp = z.iso
  .datetime({ precision: 3 })
  .meta({ format: 'date-time', example: '2026-11-22T12:00:00.000Z' });

/** A UUIDv7 as it stands in answers. */
export const id = z.uuid().meta({ description: 'UUIDv7', example: '019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3c' });

/** An id that a client sends in a body or a query. */
export const idInput = z
  .guid()
  .transform((value) => value.toLowerCase())
  .meta({ type: 'string', format: 'uuid' });

/** A path's id. Any text passes, because a malformed id is an unknown one (404), not a bad value (422). */
export const idParams = z.object({ id: z.string().meta({ format: 'uuid' }) });

/** Conditional requests (RFC 9110, section 13). */
export const readConditions = z.object({
  'If-None-Match': z.string().optional().meta({ description: 'An `ETag`; 304 if it is still the current one.' }),
});
export const writeConditions = z.object({
  'If-Match': z.string().optional().meta({ description: 'An `ETag`; 412 unless it is still the current one.' }),
});

export const noQuery = z.strictObject({});

export const currency = z
  .string()
  .regex(/^[A-Z]{3}$/)
  .meta({ description: 'ISO 4217', example: 'USD' });

/** An amount of money in minor units of the shop's currency. */
export const priceCents = z.int().min(0).max(1_000_000_000).meta({ example: 1299 });

export const problemSchema = z
  .object({
    type: z.string().meta({ format: 'uri-reference' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: 'Stable; what a program should look at.' }),
    requestId: z.string(),
    errors: z.array(z.looseObject({})).optional().meta({
      description: 'Field errors as `{path, message}`, or short order lines as `{productId, requested, available}`.',
    }),
    deletableAt: timestamp.optional().meta({ description: 'With `order_too_recent`: when the order may be deleted.' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details.' });
