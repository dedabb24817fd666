import { z } from 'zod';
import { type Held, id, orNull, serializeMoment, timestamp } from './common.ts';
import { personName } from './names.ts';
import { checkCursor, listOf, pageQuery } from './paging.ts';

/** What keys may be let at, each for reading or for writing. */
export const areas = ['products', 'stock', 'orders', 'customers', 'mails', 'webhooks', 'audit', 'reports'] as const;
export type Area = (typeof areas)[number];
export type Scope = `${Area}:${'read' | 'write'}`;

/** Every scope. One that ends in `:write` is good for reading, too. */
export const scopes = areas.flatMap((area): Scope[] => [`${area}:read`, `${area}:write`]);

const scope = z.enum(scopes);

/** Whether a text is a scope that this release knows. */
export const isScope = (text: string): text is Scope => scope.safeParse(text).success;

export const keySchema = z
  .object({
    id,
    name: z.string(),
    scopes: z.array(scope),
    createdBy: id.meta({ description: 'The admin who made it.' }),
    createdAt: timestamp,
    expiresAt: timestamp.nullable().meta({ description: 'Until when it works; null is until it is revoked.' }),
  })
  .meta({ id: 'Key' });

/** What a key looks like: 256 random bits in base64url behind a prefix that scanners for leaked secrets can look for. */
export const keyShape = /^shop_[\w-]{43}$/;

export const newKeySchema = keySchema
  .extend({
    key: z
      .string()
      .regex(keyShape)
      .meta({ description: 'For `Authorization: Bearer`. It is shown this once and not kept.' }),
  })
  .meta({ id: 'NewKey' });

export const keyListSchema = listOf('KeyList', keySchema);

export type KeyBody = z.infer<typeof keySchema>;

/** A key as it goes over the wire, without what it is sent as. */
export function serializeKey(key: Held<KeyBody, 'createdAt' | 'expiresAt'>): KeyBody {
  return {
    id: key.id,
    name: key.name,
    scopes: key.scopes,
    createdBy: key.createdBy,
    createdAt: key.createdAt.toISOString(),
    expiresAt: serializeMoment(key.expiresAt),
  };
}

/** What Postgres and RFC 3339 both can say, and nobody would wait for. */
const latest = Date.parse('9999-12-31T23:59:59.999Z');

const moment = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .refine((date) => date.getTime() > 0 && date.getTime() <= latest, 'must be in the future')
  .meta({ format: 'date-time' });

export const keyInputSchema = z
  .strictObject({
    name: personName.meta({ example: 'Warehouse' }),
    scopes: z
      .array(scope)
      .min(1)
      .max(scopes.length)
      .refine((given) => new Set(given).size === given.length, 'must not name a scope twice')
      .meta({ uniqueItems: true, example: ['products:read', 'stock:write'] }),
    expiresAt: orNull(moment).meta({
      description: 'In the future. Without one, the key is good until it is deleted.',
      example: '2099-01-01T00:00:00.000Z',
    }),
  })
  .meta({ id: 'KeyInput' });
export type KeyInput = z.output<typeof keyInputSchema>;

export const keyQuerySchema = z
  .strictObject(pageQuery)
  .superRefine((query, context) => checkCursor(query, '-createdAt', context, 'none'));
export type KeyQuery = z.output<typeof keyQuerySchema>;
