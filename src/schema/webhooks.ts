import { z } from 'zod';
import { urlFault, type WebTargets } from '../lib/web-targets.ts';
import {
  currency,
  type Held,
  id,
  idInput,
  optional,
  orNull,
  serializeMoment,
  storable,
  text,
  timestamp,
} from './common.ts';
import { orderSchema, orderStatuses } from './orders.ts';
import { type OutboxRow, outboxFields, outboxStates, serializeOutboxFields } from './outbox.ts';
import { checkCursor, listOf, pageQuery } from './paging.ts';
import { productSchema } from './products.ts';
import { stockChangeSchema } from './stock-changes.ts';

/** What a webhook can be told of; `webhook.test` is sent when an admin asks for it. */
export const eventTypes = [
  'order.pending',
  'order.processing',
  'order.shipped',
  'order.delivered',
  'order.cancelled',
  'product.created',
  'product.updated',
  'product.deleted',
  'product.restored',
  'stock.changed',
  'webhook.test',
] as const;
export type EventType = (typeof eventTypes)[number];

/** Stands for all of them, those to come included. */
export const everyEvent = '*';
const eventFilters = [...eventTypes, everyEvent] as const;
export type EventFilter = (typeof eventFilters)[number];

const urlLengthMax = 2_048;
const descriptionLengthMax = 500;

const secret = z.string().meta({
  description: 'Shown this once. Deliveries are signed with it, by Standard Webhooks.',
  example: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD',
});

export const webhookSchema = z
  .object({
    id,
    url: z.string().meta({ example: 'https://example.com/shop-events' }),
    events: z.array(z.enum(eventFilters)),
    description: z.string().nullable(),
    disabledAt: timestamp.nullable().meta({
      description:
        'Since when nothing is sent to it: it answered 410, or failed for three days. `PUT` enables it again.',
    }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Webhook' });

export const webhookWithSecretSchema = webhookSchema.extend({ secret }).meta({ id: 'WebhookWithSecret' });
export const webhookListSchema = listOf('WebhookList', webhookSchema);

export type WebhookBody = z.infer<typeof webhookSchema>;

/** A webhook as it goes over the wire. */
export function serializeWebhook(webhook: Held<WebhookBody, 'disabledAt' | 'createdAt' | 'updatedAt'>): WebhookBody {
  return {
    id: webhook.id,
    url: webhook.url,
    events: webhook.events,
    description: webhook.description,
    disabledAt: serializeMoment(webhook.disabledAt),
    createdAt: webhook.createdAt.toISOString(),
    updatedAt: webhook.updatedAt.toISOString(),
  };
}

/** A webhook as an admin writes it, whole; `targets` says where one may lead. */
export function webhookInputSchema(targets: WebTargets) {
  const url = text(1, urlLengthMax, storable).superRefine((value, context) => {
    const fault = urlFault(value, targets);
    if (fault) context.addIssue(fault);
  });
  return z
    .strictObject({
      url: url.meta({ format: 'uri', example: 'https://example.com/shop-events' }),
      events: z
        .array(z.enum(eventFilters))
        .min(1)
        .max(eventFilters.length)
        .refine((events) => new Set(events).size === events.length, 'must not name an event twice')
        .meta({ uniqueItems: true, example: ['order.shipped', 'order.cancelled'] }),
      description: orNull(text(0, descriptionLengthMax)).meta({ example: 'Tells the warehouse.' }),
    })
    .meta({ id: 'WebhookInput' });
}

export type WebhookInput = z.output<ReturnType<typeof webhookInputSchema>>;

export const webhookQuerySchema = z
  .strictObject(pageQuery)
  .superRefine((query, context) => checkCursor(query, '-createdAt', context, 'none'));
export type WebhookQuery = z.output<typeof webhookQuerySchema>;

export const deliverySchema = z
  .object({
    id: id.meta({ description: 'The `webhook-id` of its every attempt.' }),
    webhookId: id,
    type: z.enum(eventTypes),
    ...outboxFields,
  })
  .meta({ id: 'WebhookDelivery' });

export const deliveryListSchema = listOf('WebhookDeliveryList', deliverySchema);

export const queuedDeliveriesSchema = z
  .object({ queued: z.int().meta({ description: 'How many deliveries were queued; call again until it is 0.' }) })
  .meta({ id: 'QueuedWebhookDeliveries' });

export type DeliveryBody = z.infer<typeof deliverySchema>;

/** A delivery of the outbox as it goes over the wire. */
export function serializeDelivery(delivery: Pick<DeliveryBody, 'id' | 'webhookId' | 'type'> & OutboxRow): DeliveryBody {
  return { id: delivery.id, webhookId: delivery.webhookId, type: delivery.type, ...serializeOutboxFields(delivery) };
}

export const deliveryQuerySchema = z
  .strictObject({
    ...pageQuery,
    state: optional(z.enum(outboxStates)).meta({
      type: 'string',
      enum: outboxStates,
      description: 'Only deliveries in this state.',
    }),
    webhookId: optional(idInput).meta({
      type: 'string',
      format: 'uuid',
      description: 'Only deliveries to this webhook.',
    }),
  })
  .superRefine((query, context) => checkCursor(query, '-createdAt', context, 'none'));
export type DeliveryQuery = z.output<typeof deliveryQuerySchema>;

const orderEventData = z
  .object({
    id,
    number: orderSchema.shape.number,
    customerId: id,
    status: z.enum(orderStatuses),
    run: z.int().meta({ description: 'Counts from 1; an order that is restored begins the next one.' }),
    totalCents: z.int(),
    currency,
  })
  .meta({
    id: 'OrderEventData',
    description: 'What an event tells of an order; the rest is at `GET /api/orders/{id}`.',
  });

function eventData(type: EventType) {
  if (type.startsWith('order.')) return orderEventData;
  if (type.startsWith('product.')) return productSchema;
  return type === 'stock.changed' ? stockChangeSchema : z.strictObject({});
}

/** The body that a webhook is sent of a type of events. */
export function webhookMessageSchema(type: EventType) {
  return z.object({
    type: z.literal(type),
    timestamp: timestamp.meta({ description: 'When it happened.' }),
    data: eventData(type),
  });
}
