import { z } from 'zod';
import { errorCodes } from '../errors.ts';

const controlCharacter = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** Whether a text has so many characters; one of more than twice as many units has not, and is not counted. */
function hasLength(text: string, minimum: number, maximum: number): boolean {
  if (text.length > 2 * maximum) return false;
  const length = Array.from(text).length;
  return length >= minimum && length <= maximum;
}

/** Text that Postgres and JSON can both carry unchanged: well-formed Unicode, no NUL. */
export const storable = z
  .string()
  .refine((text) => text.isWellFormed() && !text.includes('\0'), 'must be well-formed Unicode without NUL');

/**
 * Text of `minimum` to `maximum` characters (Unicode code points, as JSON Schema counts them), once `base` has passed.
 */
export function text(minimum: number, maximum: number, base = storable) {
  return base
    .refine((value) => hasLength(value, minimum, maximum), {
      error: `must have ${minimum} to ${maximum} characters`,
    })
    .meta({ minLength: minimum, maxLength: maximum });
}

/** One line of text, trimmed before its characters are counted and after `base`, without control characters. */
export function line(minimum: number, maximum: number, base = storable) {
  return base
    .trim()
    .refine((value) => hasLength(value, minimum, maximum), {
      error: `must have ${minimum} to ${maximum} characters after trimming`,
    })
    .refine((value) => !controlCharacter.test(value), 'must not contain control characters')
    .meta({ minLength: minimum, maxLength: maximum, description: 'One line; blanks around it do not count.' });
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

/** A parameter of a query that may be left out. Sent empty, as forms do, it is as if it were not sent. */
export function optional<Schema extends z.ZodType>(schema: Schema) {
  const sent = (value: z.input<Schema> | undefined) => (isUnset(value) ? undefined : value);
  return z.preprocess(sent, schema.optional()).optional();
}

/**
 * A member that may be left out, and then is null. No `default` of the document: generated clients would send it, or
 * demand it of their callers.
 */
export function orNull<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => value ?? null);
}

/** The same for a list, which is then empty. */
export function orNone<Item>(schema: z.ZodType<Item[]>) {
  return schema.optional().transform((value) => value ?? []);
}

/** A filter that `true` in a query string sets; `false` is as if it were not sent. */
export const queryFlag = z
  .preprocess(
    (value: 'true' | 'false' | undefined) => (isUnset(value, 'flag') ? undefined : value),
    z
      .literal('true')
      .transform(() => true as const)
      .optional(),
  )
  .optional()
  .meta({ type: 'string', enum: ['true', 'false'] });

export type ParameterKind = 'value' | 'flag';

/** Whether a parameter's value means that it was not sent. */
export function isUnset(value: unknown, kind: ParameterKind = 'value'): boolean {
  return value === '' || (kind === 'flag' && value === 'false');
}

/** More than any form has, and few enough that a refusal is never much larger than what it refuses. */
const fieldErrorsMax = 100;

/** What a schema finds wrong, by the place of each fault. */
export function fieldErrorsOf(error: z.core.$ZodError): { path: string; message: string }[] {
  return error.issues.flatMap(fieldErrors).slice(0, fieldErrorsMax);
}

function fieldErrors(issue: z.core.$ZodIssue): { path: string; message: string }[] {
  const path = issue.path.map(String);
  return issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => ({ path: [...path, key].join('.'), message: 'is not known here' }))
    : [{ path: path.join('.'), message: issue.message }];
}

/** A moment on the wire: RFC 3339, UTC, milliseconds. */
export const timestamp = z.iso
  .datetime({ precision: 3 })
  .meta({ format: 'date-time', example: '2026-11-22T12:00:00.000Z' });

/**
 * What the shop holds of a thing that goes over the wire as `Body`: moments are dates there. Structural, so that
 * schemas know no tables.
 */
export type Held<Body, Moment extends keyof Body> = Omit<Body, Moment> & {
  [Key in Moment]: null extends Body[Key] ? Date | null : Date;
};

/** A moment that may be missing, as it goes over the wire. */
export function serializeMoment(moment: Date | null): string | null {
  return moment?.toISOString() ?? null;
}

export const exampleId = '019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3c';

/** A UUIDv7 as it stands in answers. */
export const id = z.uuid().meta({ description: 'UUIDv7', example: exampleId });

/** An id that a client sends in a body or a query. */
export const idInput = z
  .guid()
  .transform((value) => value.toLowerCase())
  .meta({ type: 'string', format: 'uuid', example: exampleId });

/** A path's id. Any text passes, because a malformed id is an unknown one (404), not a bad value (422). */
export const idParams = z.object({
  id: z.string().meta({ format: 'uuid', description: 'Which one, by its `id`.', example: exampleId }),
});

/** Conditional writes (RFC 9110, section 13). */
export const writeConditions = z.object({
  'If-Match': z.string().optional().meta({ description: 'An `ETag`, or `*`; 412 unless it is still the current one.' }),
  'If-None-Match': z.string().optional().meta({ description: 'An `ETag`, or `*`; 412 if it is the current one.' }),
});

export const idempotencyHeadersSchema = z.object({
  'Idempotency-Key': z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/, 'must be 1 to 255 printable ASCII characters')
    .optional()
    .meta({
      description: 'Makes a retry safe: the first answer is kept for 24 hours and given again.',
      example: 'order-2026-11-22-1',
    }),
});

export const noQuery = z.strictObject({});

export const currency = z
  .string()
  .regex(/^[A-Z]{3}$/)
  .meta({ description: 'ISO 4217', example: 'USD' });

/** An amount of money in minor units of the shop's currency. */
export const priceCents = z.int().min(0).max(1_000_000_000).meta({ example: 1299 });

/** Why something was refused. */
export const errorCode = z
  .enum(errorCodes)
  .meta({ id: 'ErrorCode', description: 'Stable; what a program should look at.' });

const fieldErrorSchema = z
  .object({
    path: z.string().meta({ description: 'Member names and indexes, joined by dots.' }),
    message: z.string(),
    productId: z.string().optional().meta({ description: 'With `unknown_product`: of which product.' }),
  })
  .meta({ id: 'FieldError', description: 'What is wrong, and where.' });

const shortLineSchema = z
  .object({ productId: id, requested: z.int(), available: z.int() })
  .meta({ id: 'ShortLine', description: 'A product of which there is not enough.' });

/** What is wrong with fields, or which products are short. */
export const problemErrors = z.array(z.union([fieldErrorSchema, shortLineSchema]));

export const problemSchema = z
  .object({
    type: z.string().meta({ format: 'uri-reference' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: errorCode,
    requestId: z.string(),
    errors: problemErrors
      .optional()
      .meta({ description: 'Of `insufficient_stock` the short lines, otherwise the fields that are wrong.' }),
    deletableAt: timestamp.optional().meta({ description: 'With `order_too_recent`: when the order may be deleted.' }),
    currentStock: z.int().optional().meta({ description: 'With `stock_changed`: the stock as it is.' }),
    results: z
      .array(z.looseObject({}))
      .optional()
      .meta({
        type: 'array',
        // By name, because the schema of batches is made of what stands here.
        items: { $ref: '#/components/schemas/ProductBatchResult' },
        description: 'With `batch_refused`: what became of each item, as of a batch that was written.',
      }),
    scope: z.string().optional().meta({ description: 'With `missing_scope`: what the key would need.' }),
    currentStatus: z.string().optional().meta({ description: 'With `order_status_conflict`: the status that it has.' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details.' });
