import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  customType,
  date,
  index,
  integer,
  json,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { type AuditAction, actorKinds, type Changes, type SubjectKind } from '../schema/audit-events.ts';
import { roles } from '../schema/customers.ts';
import type { Scope } from '../schema/keys.ts';
import { mailKinds, tokenKinds } from '../schema/mails.ts';
import { orderStatuses, type ShippingAddress, undeliveredStatuses } from '../schema/orders.ts';
import { outboxStates } from '../schema/outbox.ts';
import type { ProductImage } from '../schema/products.ts';
import { stockReasons } from '../schema/stock-changes.ts';
import { type EventFilter, type EventType, eventTypes } from '../schema/webhooks.ts';

const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' });
const moment = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });
const quoted = (values: readonly string[]) => sql.raw(values.map((value) => `'${value}'`).join(', '));

export const customers = pgTable(
  'customers',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    email: text('email').notNull(),
    /** When somebody showed that the address is theirs; null while nobody has. */
    emailVerifiedAt: moment('email_verified_at'),
    phone: text('phone'),
    role: text('role', { enum: roles }).notNull().default('customer'),
    passwordHash: text('password_hash').notNull(),
    /** Every token names the version it was issued at; moving it revokes them all. */
    tokenVersion: integer('token_version').notNull().default(1),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
    deletedAt: moment('deleted_at'),
    /** When the person behind it was erased. */
    erasedAt: moment('erased_at'),
  },
  (table) => [
    // By the rules of the database's locale: the code before asked it. Addresses are ASCII, so the next one says as much.
    uniqueIndex('customers_email_key').on(sql`lower(${table.email})`).where(sql`${table.deletedAt} is null`),
    uniqueIndex('customers_email_ascii_key')
      .on(sql`lower(${table.email} collate "C")`)
      .where(sql`${table.deletedAt} is null`),
    check('customers_role_check', sql`${table.role} in (${quoted(roles)})`),
    index('customers_live_idx').on(table.id).where(sql`${table.deletedAt} is null`),
    // For what a name begins with: folded by the locale, compared by no locale.
    index('customers_name_idx').on(sql`(lower(${table.name}) collate "C")`).where(sql`${table.deletedAt} is null`),
    // The same for lists that show deleted ones, too.
    index('customers_any_email_idx').on(sql`lower(${table.email} collate "C")`),
    index('customers_any_name_idx').on(sql`(lower(${table.name}) collate "C")`),
    index('customers_admins_idx').on(table.id).where(sql`${table.role} = 'admin' and ${table.deletedAt} is null`),
    index('customers_closed_idx')
      .on(table.deletedAt)
      .where(sql`${table.deletedAt} is not null and ${table.erasedAt} is null`),
  ],
);

/** A sign-in, for as long as its token works: the token names it, and it may be ended. */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid('id').primaryKey(),
    customerId: uuid('customer_id')
      .notNull()
      .references(() => customers.id),
    address: text('address').notNull(),
    userAgent: text('user_agent'),
    createdAt: moment('created_at').notNull(),
    /** The token's own end, by the clock of the process that gave it. */
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [
    index('sessions_customer_idx').on(table.customerId, table.id),
    index('sessions_expires_idx').on(table.expiresAt),
  ],
);

/** Time-based codes (RFC 6238) of accounts that have them; one that is not confirmed yet asks nothing of anybody. */
export const secondFactors = pgTable('second_factors', {
  customerId: uuid('customer_id')
    .primaryKey()
    .references(() => customers.id),
  /** Sealed under `TOKEN_SECRET`, because it has to be read again. */
  secret: text('secret').notNull(),
  createdAt: moment('created_at').notNull(),
  confirmedAt: moment('confirmed_at'),
  /** The newest time step of which a code was used; no earlier one counts any more. */
  lastStep: bigint('last_step', { mode: 'number' }),
});

/** What lets somebody in who has lost their second factor, once each; a row goes when its code is used. */
export const recoveryCodes = pgTable(
  'recovery_codes',
  {
    customerId: uuid('customer_id')
      .notNull()
      .references(() => customers.id),
    /** The SHA-256 of the code, which nobody can guess. */
    codeHash: text('code_hash').notNull(),
  },
  (table) => [primaryKey({ columns: [table.customerId, table.codeHash] })],
);

/** What programs sign in with: of each key the hash, and what it may do. One that is revoked goes. */
export const keys = pgTable(
  'api_keys',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    scopes: text('scopes').array().$type<Scope[]>().notNull(),
    /** The SHA-256 of the key, which nobody can guess. */
    keyHash: text('key_hash').notNull(),
    createdBy: uuid('created_by')
      .notNull()
      .references(() => customers.id),
    createdAt: moment('created_at').notNull(),
    expiresAt: moment('expires_at'),
  },
  (table) => [
    uniqueIndex('api_keys_hash_key').on(table.keyHash),
    index('api_keys_creator_idx').on(table.createdBy, table.id),
  ],
);

export const products = pgTable(
  'products',
  {
    id: uuid('id').primaryKey(),
    sku: text('sku'),
    name: text('name').notNull(),
    description: text('description'),
    priceCents: integer('price_cents').notNull(),
    stock: integer('stock').notNull(),
    tags: text('tags').array().notNull().default(sql`'{}'`),
    images: jsonb('images').$type<ProductImage[]>().notNull().default([]),
    /** The ETag: moves with every change, stock included. */
    version: integer('version').notNull().default(1),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
    deletedAt: moment('deleted_at'),
    /** The folded words of name and description, kept by a trigger: `search_vector` in drizzle/0007_folded_search.sql. */
    search: tsvector('search'),
  },
  (table) => [
    check('products_stock_check', sql`${table.stock} >= 0`),
    check('products_price_check', sql`${table.priceCents} >= 0`),
    // No index names stock or version, so that an order's stock update stays heap-only.
    index('products_live_idx').on(table.id).where(sql`${table.deletedAt} is null`),
    index('products_price_idx').on(table.priceCents, table.id).where(sql`${table.deletedAt} is null`),
    index('products_name_idx').on(table.name, table.id).where(sql`${table.deletedAt} is null`),
    uniqueIndex('products_sku_key').on(table.sku).where(sql`${table.deletedAt} is null and ${table.sku} is not null`),
    index('products_tags_idx')
      .using('gin', table.tags)
      .with({ fastupdate: false })
      .where(sql`${table.deletedAt} is null`),
    // Without a list of pending words, which every search would read from end to end.
    index('products_search_idx').using('gin', table.search).with({ fastupdate: false }),
  ],
);

/**
 * What has come into a product's stock or gone out of it, but for orders: at every instant, stock and the units of its
 * live orders add up to these. Rows only come. A trigger books for the release before: drizzle/0013_catalogue.sql.
 */
export const stockChanges = pgTable(
  'stock_changes',
  {
    id: uuid('id').primaryKey(),
    productId: uuid('product_id')
      .notNull()
      .references(() => products.id),
    change: bigint('change', { mode: 'number' }).notNull(),
    reason: text('reason', { enum: stockReasons }).notNull(),
    note: text('note'),
    stockAfter: integer('stock_after').notNull(),
    actorKind: text('actor_kind', { enum: actorKinds }).notNull(),
    actorId: uuid('actor_id'),
    createdAt: moment('created_at').notNull(),
  },
  (table) => [
    check('stock_changes_change_check', sql`${table.change} <> 0`),
    check('stock_changes_reason_check', sql`${table.reason} in (${quoted(stockReasons)})`),
    check('stock_changes_actor_kind_check', sql`${table.actorKind} in (${quoted(actorKinds)})`),
    check('stock_changes_actor_check', sql`(${table.actorId} is null) = (${table.actorKind} = 'system')`),
    index('stock_changes_product_idx').on(table.productId, table.id),
  ],
);

/** Every word that a product has had, kept by the same trigger; the same one may stand in more than one row. */
export const productWords = pgTable('product_words', { word: text('word').notNull() }, (table) => [
  index('product_words_word_idx').on(table.word),
]);

export const orders = pgTable(
  'orders',
  {
    id: uuid('id').primaryKey(),
    /** For people; never null once 0016_fill_order_numbers is through. The code before leaves it to the default. */
    number: text('number').default(sql`order_number(gen_random_uuid())`),
    customerId: uuid('customer_id')
      .notNull()
      .references(() => customers.id),
    status: text('status', { enum: orderStatuses }).notNull(),
    /** Counts from 1; a restored order begins the next run of the lifecycle. */
    run: integer('run').notNull().default(1),
    totalCents: bigint('total_cents', { mode: 'number' }).notNull(),
    currency: text('currency').notNull(),
    /** Null when it does not move by itself: at its end, on hold, or placed while the schedule stands still. */
    nextStatusAt: moment('next_status_at'),
    holdReason: text('hold_reason'),
    holdSince: moment('hold_since'),
    carrier: text('carrier'),
    trackingNumber: text('tracking_number'),
    trackingUrl: text('tracking_url'),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
    deletedAt: moment('deleted_at'),
  },
  (table) => [
    check('orders_status_check', sql`${table.status} in (${quoted(orderStatuses)})`),
    check(
      'orders_schedule_check',
      sql`${table.nextStatusAt} is null or ${table.status} in (${quoted(undeliveredStatuses)})`,
    ),
    check('orders_hold_check', sql`(${table.holdReason} is null) = (${table.holdSince} is null)`),
    check('orders_deleted_check', sql`${table.deletedAt} is null or ${table.status} = 'cancelled'`),
    uniqueIndex('orders_number_key').on(table.number),
    index('orders_customer_idx').on(table.customerId, table.id),
    index('orders_live_idx').on(table.id).where(sql`${table.deletedAt} is null`),
    index('orders_status_idx').on(table.status, table.id),
    // Only a cancelled order can be deleted, so of this status alone the undeleted ones need an index of their own.
    index('orders_cancelled_idx').on(table.id).where(sql`${table.status} = 'cancelled' and ${table.deletedAt} is null`),
    // Leads past what a customer has had delivered, however much that is.
    index('orders_undelivered_idx')
      .on(table.customerId)
      .where(sql`${table.status} in (${quoted(undeliveredStatuses)}) and ${table.deletedAt} is null`),
    // For what was placed on a day.
    index('orders_created_idx').on(table.createdAt, table.id),
    index('orders_held_idx')
      .on(table.id)
      .where(sql`${table.holdSince} is not null and ${table.status} in (${quoted(undeliveredStatuses)})`),
    index('orders_due_idx').on(table.nextStatusAt).where(sql`${table.nextStatusAt} is not null`),
  ],
);

/** What an order was given beside its lines: where it goes, and a note. Most have neither, and no row. */
export const orderDetails = pgTable(
  'order_details',
  {
    orderId: uuid('order_id')
      .primaryKey()
      .references(() => orders.id),
    name: text('name'),
    line1: text('line1'),
    line2: text('line2'),
    city: text('city'),
    region: text('region'),
    postalCode: text('postal_code'),
    country: text('country'),
    note: text('note'),
  },
  (table) => [
    check(
      'order_details_address_check',
      sql`num_nulls(${table.name}, ${table.line1}, ${table.city}, ${table.country}) = 0 or num_nonnulls(${table.name}, ${table.line1}, ${table.line2}, ${table.city}, ${table.region}, ${table.postalCode}, ${table.country}) = 0`,
    ),
  ],
);

/** Has its one row while the schedule stands still: `ORDER_STATUS_INTERVAL` was `never`, and no worker has begun again. */
export const schedulePauses = pgTable(
  'schedule_pauses',
  {
    id: boolean('id').primaryKey().default(true),
    since: moment('since').notNull(),
  },
  (table) => [check('schedule_pauses_id_check', sql`${table.id}`)],
);

export const orderItems = pgTable(
  'order_items',
  {
    orderId: uuid('order_id')
      .notNull()
      .references(() => orders.id),
    productId: uuid('product_id')
      .notNull()
      .references(() => products.id),
    position: smallint('position').notNull(),
    sku: text('sku'),
    name: text('name').notNull(),
    quantity: integer('quantity').notNull(),
    unitPriceCents: integer('unit_price_cents').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.orderId, table.productId] }),
    check('order_items_quantity_check', sql`${table.quantity} > 0`),
    index('order_items_product_idx').on(table.productId),
  ],
);

export const orderHistory = pgTable(
  'order_history',
  {
    orderId: uuid('order_id')
      .notNull()
      .references(() => orders.id),
    run: integer('run').notNull(),
    status: text('status', { enum: orderStatuses }).notNull(),
    at: moment('at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.orderId, table.run, table.status] })],
);

/** The outbox's mails: of orders, one row for every status that an order enters in a run; of accounts, by their kind. */
export const mails = pgTable(
  'mails',
  {
    id: uuid('id').primaryKey().default(sql`uuid_v7()`),
    kind: text('kind', { enum: mailKinds }).notNull().default('order_status'),
    /** Whom a mail is of that is of no order. */
    customerId: uuid('customer_id').references(() => customers.id),
    /** Where a mail of an account goes, as it was when it was owed; those of orders go to the account's of their day. */
    address: text('address'),
    /** Which one has been disabled; it may be deleted before the mail goes. */
    webhookId: uuid('webhook_id'),
    orderId: uuid('order_id').references(() => orders.id),
    run: integer('run'),
    status: text('status', { enum: orderStatuses }),
    state: text('state', { enum: outboxStates }).notNull().default('queued'),
    attempts: integer('attempts').notNull().default(0),
    lastError: text('last_error'),
    /** When the relay looks at an unsent row again: its next attempt, or the end of a worker's lease on it. */
    dueAt: moment('due_at'),
    /** From when on its age counts, if a limit has kept it back, or staff have sent it again. */
    deferredUntil: moment('deferred_until'),
    createdAt: moment('created_at').notNull(),
    sentAt: moment('sent_at'),
  },
  (table) => [
    unique('mails_order_run_status_key').on(table.orderId, table.run, table.status),
    check('mails_kind_check', sql`${table.kind} in (${quoted(mailKinds)})`),
    check(
      'mails_subject_check',
      sql`case ${table.kind} when 'order_status' then num_nulls(${table.orderId}, ${table.run}, ${table.status}) = 0 else ${table.customerId} is not null end`,
    ),
    check('mails_state_check', sql`${table.state} in (${quoted(outboxStates)})`),
    index('mails_due_idx').on(table.dueAt).where(sql`${table.dueAt} is not null`),
    index('mails_state_idx').on(table.state, table.id),
    // Of accounts' mails alone, which a backlog of orders' must not hide.
    index('mails_account_due_idx')
      .on(table.dueAt)
      .where(sql`${table.dueAt} is not null and ${table.kind} <> 'order_status'`),
    index('mails_customer_idx')
      .on(table.customerId, table.kind, table.createdAt)
      .where(sql`${table.customerId} is not null`),
  ],
);

/** Of each account the mail of each kind whose token works, until it is used, replaced, or ended by a change. */
export const mailTokens = pgTable(
  'mail_tokens',
  {
    customerId: uuid('customer_id')
      .notNull()
      .references(() => customers.id),
    kind: text('kind', { enum: tokenKinds }).notNull(),
    mailId: uuid('mail_id')
      .notNull()
      .references(() => mails.id),
  },
  (table) => [
    primaryKey({ columns: [table.customerId, table.kind] }),
    check('mail_tokens_kind_check', sql`${table.kind} in (${quoted(tokenKinds)})`),
  ],
);

/** When a mail with a token was last asked for to an address, be it somebody's or nobody's. */
export const mailRequests = pgTable(
  'mail_requests',
  {
    /** The SHA-256 of the address in lower case. */
    addressHash: text('address_hash').notNull(),
    kind: text('kind', { enum: tokenKinds }).notNull(),
    askedAt: moment('asked_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.addressHash, table.kind] }),
    index('mail_requests_asked_idx').on(table.askedAt),
  ],
);

/** Mails that went to addresses that nobody has confirmed, for as long as they count against `UNVERIFIED_MAILS_PER_HOUR`. */
export const unconfirmedMails = pgTable(
  'unconfirmed_mails',
  {
    mailId: uuid('mail_id').primaryKey(),
    /** The SHA-256 of the address in lower case, so that it need not be erased. */
    addressHash: text('address_hash').notNull(),
    claimedAt: moment('claimed_at').notNull(),
  },
  (table) => [
    index('unconfirmed_mails_address_idx').on(table.addressHash, table.claimedAt),
    index('unconfirmed_mails_claimed_idx').on(table.claimedAt),
  ],
);

/** Where others want to be told of what happens in the shop. */
export const webhooks = pgTable(
  'webhooks',
  {
    id: uuid('id').primaryKey(),
    url: text('url').notNull(),
    events: text('events').array().$type<EventFilter[]>().notNull(),
    description: text('description'),
    /** As it is shown: deliveries are signed with it, so a hash of it would not do. */
    secret: text('secret').notNull(),
    /** The one before, which signs as well until then. */
    previousSecret: text('previous_secret'),
    previousSecretUntil: moment('previous_secret_until'),
    /** Since when no attempt has been a success. */
    failingSince: moment('failing_since'),
    disabledAt: moment('disabled_at'),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
    /** From then on it is gone for all but the clean-up, which removes it after its deliveries. */
    deletedAt: moment('deleted_at'),
  },
  (table) => [
    check('webhooks_events_check', sql`cardinality(${table.events}) > 0`),
    check('webhooks_previous_check', sql`(${table.previousSecret} is null) = (${table.previousSecretUntil} is null)`),
  ],
);

/** The outbox's deliveries: one row for every event and webhook that wants it. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    id: uuid('id').primaryKey().default(sql`uuid_v7()`),
    webhookId: uuid('webhook_id')
      .notNull()
      .references(() => webhooks.id),
    type: text('type').$type<EventType>().notNull(),
    /** What it happened to, and which time this was: an order's run, a product's version. */
    subjectId: uuid('subject_id').notNull(),
    occurrence: integer('occurrence').notNull(),
    data: json('data').notNull(),
    state: text('state', { enum: outboxStates }).notNull().default('queued'),
    attempts: integer('attempts').notNull().default(0),
    lastError: text('last_error'),
    /** As with mails. */
    dueAt: moment('due_at'),
    deferredUntil: moment('deferred_until'),
    createdAt: moment('created_at').notNull(),
    sentAt: moment('sent_at'),
  },
  (table) => [
    unique('webhook_deliveries_event_key').on(table.webhookId, table.type, table.subjectId, table.occurrence),
    check('webhook_deliveries_type_check', sql`${table.type} in (${quoted(eventTypes)})`),
    check('webhook_deliveries_state_check', sql`${table.state} in (${quoted(outboxStates)})`),
    index('webhook_deliveries_due_idx').on(table.webhookId, table.dueAt).where(sql`${table.dueAt} is not null`),
    index('webhook_deliveries_webhook_idx').on(table.webhookId, table.id),
    index('webhook_deliveries_state_idx').on(table.state, table.id),
    index('webhook_deliveries_sent_idx').on(table.sentAt).where(sql`${table.sentAt} is not null`),
  ],
);

/** What was sold on a day (UTC) that is over, as it was last counted. All of it can be deleted, and is counted again. */
export const salesDays = pgTable('sales_days', {
  day: date('day').primaryKey(),
  orders: bigint('orders', { mode: 'number' }).notNull(),
  units: bigint('units', { mode: 'number' }).notNull(),
  totalCents: bigint('total_cents', { mode: 'number' }).notNull(),
});

/** The same of each product. */
export const salesProducts = pgTable(
  'sales_products',
  {
    day: date('day').notNull(),
    productId: uuid('product_id').notNull(),
    units: bigint('units', { mode: 'number' }).notNull(),
    totalCents: bigint('total_cents', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.day, table.productId] })],
);

/**
 * Days that are over and of which an order has been changed since they may have been counted: written by a trigger,
 * drizzle/0021_sales.sql. One row for each transaction, so that none waits for another.
 */
export const salesMarks = pgTable('sales_marks', { day: date('day').notNull() }, (table) => [
  index('sales_marks_day_idx').on(table.day),
]);

/** First answers to requests under an `Idempotency-Key`, kept for 24 hours; `src/domain/idempotency.ts` says how keys are written. */
export const idempotencyRecords = pgTable(
  'idempotency_records',
  {
    /** The account or key that sent it. */
    customerId: uuid('customer_id').notNull(),
    key: text('key').notNull(),
    requestHash: text('request_hash').notNull(),
    response: text('response').notNull(),
    createdAt: moment('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.customerId, table.key] }),
    index('idempotency_records_created_idx').on(table.createdAt),
  ],
);

/** Who did what to which thing: one row for each change that staff or an account's owner made. Rows only come. */
export const auditEvents = pgTable(
  'audit_events',
  {
    id: uuid('id').primaryKey(),
    at: moment('at').notNull(),
    actorKind: text('actor_kind', { enum: actorKinds }).notNull(),
    actorId: uuid('actor_id'),
    action: text('action').$type<AuditAction>().notNull(),
    subjectKind: text('subject_kind').$type<SubjectKind>().notNull(),
    subjectId: uuid('subject_id').notNull(),
    changes: jsonb('changes').$type<Changes>().notNull(),
    requestId: text('request_id'),
  },
  (table) => [
    check('audit_events_actor_kind_check', sql`${table.actorKind} in (${quoted(actorKinds)})`),
    check('audit_events_actor_check', sql`(${table.actorId} is null) = (${table.actorKind} = 'system')`),
    index('audit_events_actor_idx').on(table.actorId, table.id),
    index('audit_events_actor_action_idx').on(table.actorId, table.action, table.id),
    index('audit_events_subject_idx').on(table.subjectId, table.id),
    index('audit_events_action_idx').on(table.action, table.id),
  ],
);

/** What is read of a product: all but what only searches use. */
export type ProductRow = Omit<typeof products.$inferSelect, 'search'>;
/** What is read of an account: all but what only signing in uses. */
export type CustomerRow = Omit<typeof customers.$inferSelect, 'passwordHash' | 'tokenVersion' | 'erasedAt'>;
export type StockChangeRow = typeof stockChanges.$inferSelect;
export type SessionRow = typeof sessions.$inferSelect;
/** What is read of a key: all but what it is known by. */
export type KeyRow = Omit<typeof keys.$inferSelect, 'keyHash'>;
export type OrderRow = typeof orders.$inferSelect;
export type OrderDetailsRow = typeof orderDetails.$inferSelect;
export type OrderItemRow = typeof orderItems.$inferSelect;
export type OrderHistoryRow = typeof orderHistory.$inferSelect;
export type MailRow = typeof mails.$inferSelect;
export type WebhookRow = typeof webhooks.$inferSelect;
export type WebhookDeliveryRow = Omit<typeof webhookDeliveries.$inferSelect, 'data'>;
export type AuditEventRow = typeof auditEvents.$inferSelect;

/** An order with its lines in the order of the request, and its history in the order of events. */
export type Order = Omit<OrderRow, 'number'> & {
  number: string;
  shippingAddress: ShippingAddress | null;
  note: string | null;
  items: Pick<OrderItemRow, 'productId' | 'sku' | 'name' | 'quantity' | 'unitPriceCents'>[];
  history: Pick<OrderHistoryRow, 'status' | 'at'>[];
};
