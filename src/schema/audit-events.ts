import { z } from 'zod';
import { type Held, id, idInput, optional, timestamp } from './common.ts';
import { checkCursor, listOf, pageQuery } from './paging.ts';

export const actorKinds = ['customer', 'admin', 'key', 'system'] as const;
export const subjectKinds = ['customer', 'product', 'order', 'key', 'webhook'] as const;
export type SubjectKind = (typeof subjectKinds)[number];

export const auditActions = [
  'customer.created',
  'customer.updated',
  'customer.email_changed',
  'customer.password_changed',
  'customer.verified',
  'customer.signed_out',
  'customer.totp_enabled',
  'customer.totp_disabled',
  'customer.deleted',
  'customer.restored',
  'customer.erased',
  'product.created',
  'product.updated',
  'product.deleted',
  'product.restored',
  'stock.changed',
  'order.cancelled',
  'order.deleted',
  'order.restored',
  'key.created',
  'key.revoked',
  'order.status_changed',
  'order.held',
  'order.released',
  'order.address_changed',
  'webhook.created',
  'webhook.updated',
  'webhook.deleted',
  'webhook.secret_changed',
] as const;
export type AuditAction = (typeof auditActions)[number];

const value = z.union([z.string(), z.number(), z.boolean()]).nullable();
const change = z.object({ from: value.optional(), to: value.optional() }).meta({ id: 'AuditChange' });
export type AuditValue = z.infer<typeof value>;

/** Who did something, on the wire. */
export const actorSchema = z.object({
  kind: z.enum(actorKinds),
  id: id.nullable().meta({ description: 'The account or key; null for the shop itself.' }),
});

export const auditEventSchema = z
  .object({
    id,
    at: timestamp,
    actor: actorSchema,
    action: z.enum(auditActions),
    subject: z.object({ kind: z.enum(subjectKinds), id }),
    changes: z.record(z.string(), change).meta({
      description:
        'What changed, by field: `{from, to}`, and `{}` for a field that is personal or secret, whose values are not kept here. A list or an object is told as JSON, an empty list as null.',
      example: { priceCents: { from: 1299, to: 1499 } },
    }),
    requestId: z.string().nullable().meta({ description: 'The `X-Request-Id` of the request that asked for it.' }),
  })
  .meta({ id: 'AuditEvent' });

export const auditEventListSchema = listOf('AuditEventList', auditEventSchema);

export type AuditEventBody = z.infer<typeof auditEventSchema>;
/** What an event says of each field that changed; nothing but that it did, of what is personal or secret. */
export type Changes = AuditEventBody['changes'];

type Flat = Pick<AuditEventBody, 'id' | 'at' | 'action' | 'changes' | 'requestId'> & {
  actorKind: AuditEventBody['actor']['kind'];
  actorId: string | null;
  subjectKind: SubjectKind;
  subjectId: string;
};

/** An event as it goes over the wire. */
export function serializeAuditEvent(event: Held<Flat, 'at'>): AuditEventBody {
  return {
    id: event.id,
    at: event.at.toISOString(),
    actor: { kind: event.actorKind, id: event.actorId },
    action: event.action,
    subject: { kind: event.subjectKind, id: event.subjectId },
    changes: event.changes,
    requestId: event.requestId,
  };
}

export const auditEventQuerySchema = z
  .strictObject({
    ...pageQuery,
    actorId: optional(idInput).meta({
      type: 'string',
      format: 'uuid',
      description: 'Only what this account or key has done.',
    }),
    subjectId: optional(idInput).meta({
      type: 'string',
      format: 'uuid',
      description: 'Only what was done to this account, product, order, key or webhook.',
    }),
    action: optional(z.enum(auditActions)).meta({
      type: 'string',
      enum: auditActions,
      description: 'Only events of this kind.',
    }),
  })
  .superRefine((query, context) => checkCursor(query, '-createdAt', context, 'none'));
export type AuditEventQuery = z.output<typeof auditEventQuerySchema>;
