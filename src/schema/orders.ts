import { z } from 'zod';
import {
  currency,
  type Held,
  id,
  idInput,
  optional,
  type ParameterKind,
  priceCents,
  queryFlag,
  serializeMoment,
  timestamp,
} from './common.ts';
import { checkCursor, listOf, pageQuery } from './paging.ts';

export const orderStatuses = ['pending', 'processing', 'shipped', 'delivered', 'cancelled'] as const;
export type OrderStatus = (typeof orderStatuses)[number];

/**
 * The lifecycle of an order. `next` is the step that time takes; `cancellable` says whether its owner
 * may still call it off; `deletable`, whether deletion may end it; `restorable`, whether a new run may begin.
 */
export const lifecycle: Record<
  OrderStatus,
  { next: OrderStatus | null; cancellable: boolean; deletable: boolean; restorable: boolean }
> = {
  pending: { next: 'processing', cancellable: true, deletable: true, restorable: false },
  processing: { next: 'shipped', cancellable: true, deletable: true, restorable: false },
  shipped: { next: 'delivered', cancellable: false, deletable: true, restorable: false },
  delivered: { next: null, cancellable: false, deletable: false, restorable: false },
  cancelled: { next: null, cancellable: false, deletable: true, restorable: true },
};

/** How often an order can be taken up again: each time sends mails, and one order must not send without end. */
export const restoresMax = 5;

/** The statuses that time moves on from, which are also those of an order that has still to reach its customer. */
export const undeliveredStatuses = orderStatuses.filter((status) => lifecycle[status].next !== null);

const orderItemSchema = z
  .object({
    productId: id,
    sku: z.string().nullable(),
    name: z.string(),
    quantity: z.int(),
    unitPriceCents: priceCents,
  })
  .meta({ id: 'OrderItem', description: 'SKU, name and price are those of the moment of ordering.' });

export const orderSchema = z
  .object({
    id,
    customerId: id,
    status: z.enum(orderStatuses),
    totalCents: z.int(),
    currency,
    items: z.array(orderItemSchema),
    history: z
      .array(z.object({ status: z.enum(orderStatuses), at: timestamp }))
      .meta({ description: 'Since the order was placed, or last restored.' }),
    nextStatusAt: timestamp.nullable(),
    deletableAt: timestamp,
    createdAt: timestamp,
    updatedAt: timestamp,
    deletedAt: timestamp.nullable(),
  })
  .meta({ id: 'Order' });

export const orderListSchema = listOf('OrderList', orderSchema);

export type OrderBody = z.infer<typeof orderSchema>;

/** An order as it was kept for repeats, perhaps by the release before, whose lines had no SKU. */
export const keptOrderSchema = orderSchema.extend({
  items: z.array(orderItemSchema.extend({ sku: z.string().nullable().default(null) })),
});

type HeldOrder = Held<
  Omit<OrderBody, 'history' | 'deletableAt'>,
  'nextStatusAt' | 'createdAt' | 'updatedAt' | 'deletedAt'
> & { history: { status: OrderStatus; at: Date }[] };

/** An order as it goes over the wire. */
export function serializeOrder(order: HeldOrder, deletableAt: Date): OrderBody {
  return {
    id: order.id,
    customerId: order.customerId,
    status: order.status,
    totalCents: order.totalCents,
    currency: order.currency,
    items: order.items.map(({ productId, sku, name, quantity, unitPriceCents }) => ({
      productId,
      sku,
      name,
      quantity,
      unitPriceCents,
    })),
    history: order.history.map(({ status, at }) => ({ status, at: at.toISOString() })),
    nextStatusAt: serializeMoment(order.nextStatusAt),
    deletableAt: deletableAt.toISOString(),
    createdAt: order.createdAt.toISOString(),
    updatedAt: order.updatedAt.toISOString(),
    deletedAt: serializeMoment(order.deletedAt),
  };
}

const quantityMax = 1_000;

/** Lines of one product are one wish for it, so what holds for a line holds for their sum. */
function checkSums(lines: { productId: string; quantity: number }[], context: z.RefinementCtx): void {
  const sums = new Map<string, number>();
  for (const [index, { productId, quantity }] of lines.entries()) {
    const before = sums.get(productId) ?? 0;
    sums.set(productId, before + quantity);
    // Told once for a product, and not where the line alone is too much, which is told already.
    if (before <= quantityMax && quantity <= quantityMax && before + quantity > quantityMax) {
      const message = `must not bring the lines of this product above ${quantityMax} together`;
      context.addIssue({ code: 'custom', path: [index, 'quantity'], message });
    }
  }
}

export const orderInputSchema = z
  .strictObject({
    items: z
      .array(z.strictObject({ productId: idInput, quantity: z.int().min(1).max(quantityMax).meta({ example: 2 }) }))
      .min(1)
      .max(100)
      .superRefine(checkSums)
      .meta({ description: `Lines of one product are added up, to at most ${quantityMax}.` }),
  })
  .meta({ id: 'OrderInput' });

export type OrderLine = z.output<typeof orderInputSchema>['items'][number];

export const orderQuerySchema = z
  .strictObject({
    ...pageQuery,
    status: optional(z.enum(orderStatuses)).meta({ type: 'string', enum: orderStatuses }),
    customerId: optional(idInput).meta({ type: 'string', format: 'uuid', description: 'Admins only.' }),
    includeDeleted: queryFlag.meta({ type: 'string', enum: ['true', 'false'], description: 'Admins only.' }),
  })
  .superRefine((query, context) => checkCursor(query, '-createdAt', context, 'none'));
export type OrderQuery = z.output<typeof orderQuerySchema>;

/** The parameters of the order list that only an admin may send. */
export const adminOrderParameters: Record<string, ParameterKind> = { customerId: 'value', includeDeleted: 'flag' };
