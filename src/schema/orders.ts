import { z } from 'zod';
import { countryCodes } from '../lib/countries.ts';
import {
  currency,
  type Held,
  id,
  idInput,
  line,
  optional,
  orNull,
  type ParameterKind,
  priceCents,
  queryFlag,
  serializeMoment,
  storable,
  text,
  timestamp,
} from './common.ts';
import { readOrderNumber } from './order-numbers.ts';
import { checkCursor, listOf, pageQuery } from './paging.ts';

export const orderStatuses = ['pending', 'processing', 'shipped', 'delivered', 'cancelled'] as const;
export type OrderStatus = (typeof orderStatuses)[number];
const orderStatus = z.enum(orderStatuses).meta({ id: 'OrderStatus' });

/**
 * The lifecycle of an order. `next` is the step that time or staff takes; `cancellable` says whether its owner
 * may still call it off; `deletable`, whether deletion may end it; `restorable`, whether a new run may begin;
 * `redirectable`, whether it may still go to another address.
 */
export const lifecycle: Record<
  OrderStatus,
  { next: OrderStatus | null; cancellable: boolean; deletable: boolean; restorable: boolean; redirectable: boolean }
> = {
  pending: { next: 'processing', cancellable: true, deletable: true, restorable: false, redirectable: true },
  processing: { next: 'shipped', cancellable: true, deletable: true, restorable: false, redirectable: true },
  shipped: { next: 'delivered', cancellable: false, deletable: true, restorable: false, redirectable: false },
  delivered: { next: null, cancellable: false, deletable: false, restorable: false, redirectable: false },
  cancelled: { next: null, cancellable: false, deletable: true, restorable: true, redirectable: false },
};

/** Those in which there is a parcel to tell of. */
const trackedStatuses: readonly OrderStatus[] = ['shipped', 'delivered'];

/** How often an order can be taken up again: each time sends mails, and one order must not send without end. */
export const restoresMax = 5;

/** The statuses that time moves on from, which are also those of an order that has still to reach its customer. */
export const undeliveredStatuses = orderStatuses.filter((status) => lifecycle[status].next !== null);

const orderItemSchema = z
  .object({
    productId: id,
    sku: z.string().nullable().meta({ example: 'MUG-040-BL' }),
    name: z.string().meta({ example: 'Enamel mug' }),
    quantity: z.int().meta({ example: 2 }),
    unitPriceCents: priceCents,
  })
  .meta({ id: 'OrderItem', description: 'SKU, name and price are those of the moment of ordering.' });

const addressPart = line(1, 200);
const country = z.enum(countryCodes).meta({ description: 'ISO 3166-1 alpha-2', example: 'GB' });

const shippingAddressSchema = z
  .object({
    name: z.string().meta({ example: 'Ada Lovelace' }),
    line1: z.string().meta({ example: '12 St James’s Square' }),
    line2: z.string().nullable().meta({ example: null }),
    city: z.string().meta({ example: 'London' }),
    region: z.string().nullable().meta({ example: null }),
    postalCode: z.string().nullable().meta({ example: 'SW1Y 4JH' }),
    country: z.string().meta({ description: 'ISO 3166-1 alpha-2', example: 'GB' }),
  })
  .meta({ id: 'ShippingAddress' });
export type ShippingAddress = z.infer<typeof shippingAddressSchema>;

const shippingAddressInput = z
  .strictObject({
    name: addressPart.meta({ example: 'Ada Lovelace' }),
    line1: addressPart.meta({ example: '12 St James’s Square' }),
    line2: orNull(addressPart).meta({ example: 'Third floor' }),
    city: addressPart.meta({ example: 'London' }),
    region: orNull(addressPart).meta({ example: 'Greater London' }),
    postalCode: orNull(addressPart).meta({ example: 'SW1Y 4JH' }),
    country,
  })
  .meta({ id: 'ShippingAddressInput' });

const shipmentSchema = z
  .object({
    carrier: z.string().nullable(),
    trackingNumber: z.string().nullable(),
    trackingUrl: z.string().nullable(),
  })
  .meta({ id: 'Shipment', description: 'What staff have said of the parcel.' });

const holdSchema = z
  .object({ reason: z.string(), since: timestamp })
  .meta({ id: 'Hold', description: 'While there is one, the order does not move on.' });

export const orderSchema = z
  .object({
    id,
    number: z.string().meta({ description: 'For people: ten digits of base 32.', example: 'K7Q2-94XM-5T' }),
    customerId: id,
    status: orderStatus,
    totalCents: z.int().meta({ description: 'In minor units of the currency.', example: 2598 }),
    currency,
    items: z.array(orderItemSchema),
    history: z
      .array(z.object({ status: orderStatus, at: timestamp }).meta({ id: 'StatusEntry' }))
      .meta({ description: 'Since the order was placed, or last restored.' }),
    shippingAddress: shippingAddressSchema.nullable(),
    note: z.string().nullable().meta({ description: "The customer's own." }),
    shipment: shipmentSchema.nullable(),
    hold: holdSchema.nullable().meta({ description: 'For admins; null for customers.' }),
    nextStatusAt: timestamp.nullable().meta({
      description: 'When it moves on by itself; null when it does not: on hold, at its end, or where no order does.',
    }),
    deletableAt: timestamp,
    createdAt: timestamp,
    updatedAt: timestamp,
    deletedAt: timestamp.nullable(),
  })
  .meta({ id: 'Order' });

export const orderListSchema = listOf('OrderList', orderSchema);

export type OrderBody = z.infer<typeof orderSchema>;

/** An order as it was kept for repeats, perhaps by the release before, which said less. */
export const keptOrderSchema = orderSchema.extend({
  number: orderSchema.shape.number.optional(),
  shippingAddress: orderSchema.shape.shippingAddress.default(null),
  note: orderSchema.shape.note.default(null),
  shipment: orderSchema.shape.shipment.default(null),
  hold: orderSchema.shape.hold.default(null),
  items: z.array(orderItemSchema.extend({ sku: z.string().nullable().default(null) })),
});

type HeldOrder = Held<
  Omit<OrderBody, 'history' | 'deletableAt' | 'shipment' | 'hold'>,
  'nextStatusAt' | 'createdAt' | 'updatedAt' | 'deletedAt'
> &
  NonNullable<OrderBody['shipment']> & {
    history: { status: OrderStatus; at: Date }[];
    holdReason: string | null;
    holdSince: Date | null;
  };

/** What an order shows beside what is held of it. */
export type OrderView = {
  deletableAt: Date;
  /** Whether staff look at it. */
  staff: boolean;
  /** Whether time moves orders at all. */
  moving: boolean;
};

/** An order as it goes over the wire. */
export function serializeOrder(order: HeldOrder, { deletableAt, staff, moving }: OrderView): OrderBody {
  const { carrier, trackingNumber, trackingUrl, holdReason, holdSince } = order;
  const hasShipment = carrier !== null || trackingNumber !== null || trackingUrl !== null;
  return {
    id: order.id,
    number: order.number,
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
    shippingAddress: order.shippingAddress,
    note: order.note,
    shipment: hasShipment ? { carrier, trackingNumber, trackingUrl } : null,
    hold: staff && holdSince ? { reason: holdReason ?? '', since: holdSince.toISOString() } : null,
    nextStatusAt: moving ? serializeMoment(order.nextStatusAt) : null,
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

const orderInput = z.strictObject({
  items: z
    .array(z.strictObject({ productId: idInput, quantity: z.int().min(1).max(quantityMax).meta({ example: 2 }) }))
    .min(1)
    .max(100)
    .superRefine(checkSums)
    .meta({ description: `Lines of one product are added up, to at most ${quantityMax}.` }),
  shippingAddress: shippingAddressInput.nullish(),
  note: text(0, 500).nullish().meta({ example: 'Leave it with the neighbours.' }),
});

export type OrderInput = z.output<typeof orderInput>;
export type OrderLine = OrderInput['items'][number];

export type AddressNeed = 'optional' | 'required';

const nowhere = { path: ['shippingAddress'], message: 'is required', when: isMembered };

/** Also beside other faults, so that each is named at once. */
function isMembered({ value }: { value: unknown }): boolean {
  return typeof value === 'object' && value !== null;
}

/** What a shop takes for an order, by whether it has to know where each goes. */
export function orderInputFor(need: AddressNeed) {
  return orderInput
    .refine(({ shippingAddress }) => need === 'optional' || Boolean(shippingAddress), nowhere)
    .meta({ id: 'OrderInput', ...(need === 'required' && { description: 'This shop requires `shippingAddress`.' }) });
}

/** The same for where an order goes from now on. */
export function orderAddressInputFor(need: AddressNeed) {
  return z
    .strictObject({ shippingAddress: shippingAddressInput.nullable() })
    .refine(({ shippingAddress }) => need === 'optional' || shippingAddress !== null, nowhere)
    .meta({ id: 'OrderAddressInput', description: 'Null clears it, unless this shop requires one.' });
}

/** `http://` or `https://` and what a URL may hold, which is neither blanks nor anything that cannot be seen. */
const webAddress = storable
  .max(2_048)
  // No pattern of the document, which has no place for the flags.
  .refine((value) => /^https?:\/\/[^\s\p{C}]+$/iu.test(value), 'must be a URL that starts with http:// or https://')
  .refine((value) => URL.canParse(value), 'must be a URL')
  .meta({ format: 'uri', example: 'https://carrier.example/track/JD014600006281230704' });

/** What staff say of a parcel. */
export const shipmentFields = ['carrier', 'trackingNumber', 'trackingUrl'] as const;

export const orderStatusInputSchema = z
  .strictObject({
    status: z.enum(orderStatuses).meta({
      description: 'The one after the present one; the present one changes nothing but what is said of the parcel.',
      example: 'shipped',
    }),
    carrier: line(1, 100).nullish().meta({ example: 'DHL' }),
    trackingNumber: line(1, 100).nullish().meta({ example: 'JD014600006281230704' }),
    trackingUrl: webAddress.nullish(),
  })
  .superRefine((input, context) => {
    if (trackedStatuses.includes(input.status)) return;
    for (const field of shipmentFields) {
      if (input[field] === undefined) continue;
      context.addIssue({ code: 'custom', path: [field], message: 'goes with shipped and delivered only' });
    }
  })
  .meta({
    id: 'OrderStatusInput',
    description: 'Carrier and tracking go with `shipped` and `delivered` only. What is left out stays; null clears.',
  });
export type OrderStatusInput = z.output<typeof orderStatusInputSchema>;

export const orderHoldInputSchema = z
  .strictObject({ reason: text(1, 500).meta({ example: 'The address does not exist.' }) })
  .meta({ id: 'OrderHoldInput' });

export const orderQuerySchema = z
  .strictObject({
    ...pageQuery,
    status: optional(z.enum(orderStatuses)).meta({
      type: 'string',
      enum: orderStatuses,
      description: 'Only orders in this status.',
    }),
    number: optional(z.string().transform(readOrderNumber)).meta({
      type: 'string',
      description:
        'Only the order with this number, in any case, with or without hyphens, `O` for `0`, `I` and `L` for `1`.',
      example: 'K7Q2-94XM-5T',
    }),
    customerId: optional(idInput).meta({
      type: 'string',
      format: 'uuid',
      description: "Only this customer's orders. For admins; from others it is refused, who see their own alone.",
    }),
    includeDeleted: queryFlag.meta({
      type: 'string',
      enum: ['true', 'false'],
      description: '`true`: deleted orders, too. For admins; from others it is refused.',
    }),
  })
  .superRefine((query, context) => checkCursor(query, '-createdAt', context, 'none'));
export type OrderQuery = z.output<typeof orderQuerySchema>;

/** The parameters of the order list that only an admin may send. */
export const adminOrderParameters: Record<string, ParameterKind> = { customerId: 'value', includeDeleted: 'flag' };
