// Made from the shop's OpenAPI document by `npm run client:types`: not to be edited.
// biome-ignore-all lint/complexity/noBannedTypes: Hono says {} for what has no members.
import type { Hono } from 'hono';
import type { Endpoint, ErrorCode } from './endpoint.ts';

export type AuditChange = {
  from?: string | number | boolean | null | undefined;
  to?: string | number | boolean | null | undefined;
};

export type AuditEvent = {
  /** UUIDv7 */
  id: string;
  at: string;
  actor: {
    kind: 'customer' | 'admin' | 'key' | 'system';
    /** The account or key; null for the shop itself. */
    id: string | null;
  };
  action:
    | 'customer.created'
    | 'customer.updated'
    | 'customer.email_changed'
    | 'customer.password_changed'
    | 'customer.verified'
    | 'customer.signed_out'
    | 'customer.totp_enabled'
    | 'customer.totp_disabled'
    | 'customer.deleted'
    | 'customer.restored'
    | 'customer.erased'
    | 'product.created'
    | 'product.updated'
    | 'product.deleted'
    | 'product.restored'
    | 'stock.changed'
    | 'order.cancelled'
    | 'order.deleted'
    | 'order.restored'
    | 'key.created'
    | 'key.revoked'
    | 'order.status_changed'
    | 'order.held'
    | 'order.released'
    | 'order.address_changed'
    | 'webhook.created'
    | 'webhook.updated'
    | 'webhook.deleted'
    | 'webhook.secret_changed';
  subject: {
    kind: 'customer' | 'product' | 'order' | 'key' | 'webhook';
    /** UUIDv7 */
    id: string;
  };
  /** What changed, by field: `{from, to}`, and `{}` for a field that is personal or secret, whose values are not kept here. A list or an object is told as JSON, an empty list as null. */
  changes: Record<string, AuditChange>;
  /** The `X-Request-Id` of the request that asked for it. */
  requestId: string | null;
};

export type AuditEventList = { data: Array<AuditEvent>; pagination: Pagination };

export type Credentials = {
  email: string;
  password: string;
  /** Of the authenticator app, or a recovery code; blanks and hyphens do not count. */
  code?: string | undefined;
};

export type Customer = {
  /** UUIDv7 */
  id: string;
  name: string;
  email: string;
  /** When it was shown that the address is theirs; null while nobody has. */
  emailVerifiedAt: string | null;
  phone: string | null;
  role: 'customer' | 'admin';
  createdAt: string;
  updatedAt: string;
  deletedAt: string | null;
};

export type CustomerExport = {
  customer: Customer;
  secondFactorSince: string | null;
  sessions: Array<Session>;
  /** Keys for programs that an admin has made. */
  keys: Array<Key>;
  orders: Array<ExportedOrder>;
  /** Mails that are about no order. */
  mails: Array<Mail>;
  idempotencyKeys: Array<{ key: string; createdAt: string }>;
  /** What the person did, and what others did to the account. */
  auditEvents: Array<AuditEvent>;
};

export type CustomerList = { data: Array<Customer>; pagination: Pagination };

export type EmailChange = { email: string };

export type EmailVerification = {
  /** As the mail has it. */
  token: string;
};

export type Erasure = {
  /** Required of the owner. */
  currentPassword?: string | undefined;
};

export type ExportedOrder = {
  /** UUIDv7 */
  id: string;
  /** For people: ten digits of base 32. */
  number: string;
  /** UUIDv7 */
  customerId: string;
  status: OrderStatus;
  /** In minor units of the currency. */
  totalCents: number;
  /** ISO 4217 */
  currency: string;
  items: Array<OrderItem>;
  /** Since the order was placed, or last restored. */
  history: Array<StatusEntry>;
  shippingAddress: ShippingAddress | null;
  /** The customer's own. */
  note: string | null;
  shipment: Shipment | null;
  /** For admins; null for customers. */
  hold: { reason: string; since: string } | null;
  /** When it moves on by itself; null when it does not: on hold, at its end, or where no order does. */
  nextStatusAt: string | null;
  deletableAt: string;
  createdAt: string;
  updatedAt: string;
  deletedAt: string | null;
  /** The history of every run. */
  runs: Array<{ run: number; status: OrderStatus; at: string }>;
  /** The mails about it. */
  mails: Array<Mail>;
};

/** What is wrong, and where. */
export type FieldError = {
  /** Member names and indexes, joined by dots. */
  path: string;
  message: string;
  /** With `unknown_product`: of which product. */
  productId?: string | undefined;
};

export type ForgottenPassword = { email: string };

export type Health = { status: 'ok' };

export type Key = {
  /** UUIDv7 */
  id: string;
  name: string;
  scopes: Array<
    | 'products:read'
    | 'products:write'
    | 'stock:read'
    | 'stock:write'
    | 'orders:read'
    | 'orders:write'
    | 'customers:read'
    | 'customers:write'
    | 'mails:read'
    | 'mails:write'
    | 'webhooks:read'
    | 'webhooks:write'
    | 'audit:read'
    | 'audit:write'
    | 'reports:read'
    | 'reports:write'
  >;
  /** The admin who made it. */
  createdBy: string;
  createdAt: string;
  /** Until when it works; null is until it is revoked. */
  expiresAt: string | null;
};

export type KeyInput = {
  /** One line; blanks around it do not count. It holds no `://`, no `www.`, and nothing that cannot be seen or turns text round. */
  name: string;
  scopes: Array<
    | 'products:read'
    | 'products:write'
    | 'stock:read'
    | 'stock:write'
    | 'orders:read'
    | 'orders:write'
    | 'customers:read'
    | 'customers:write'
    | 'mails:read'
    | 'mails:write'
    | 'webhooks:read'
    | 'webhooks:write'
    | 'audit:read'
    | 'audit:write'
    | 'reports:read'
    | 'reports:write'
  >;
  /** In the future. Without one, the key is good until it is deleted. */
  expiresAt?: string | null | undefined;
};

export type KeyList = { data: Array<Key>; pagination: Pagination };

export type Mail = {
  /** UUIDv7 */
  id: string;
  kind:
    | 'order_status'
    | 'password_reset'
    | 'email_verification'
    | 'password_changed'
    | 'email_changed'
    | 'webhook_disabled';
  /** The account that the mail is sent to. */
  customerId: string;
  /** Null, like `run` and `status`, for mails of no order. */
  orderId: string | null;
  run: number | null;
  /** The order status that the mail tells of. */
  status: 'pending' | 'processing' | 'shipped' | 'delivered' | 'cancelled' | null;
  state: 'queued' | 'sending' | 'sent' | 'failed';
  attempts: number;
  lastError: string | null;
  createdAt: string;
  nextAttemptAt: string | null;
  sentAt: string | null;
};

export type MailList = { data: Array<Mail>; pagination: Pagination };

export type NewKey = {
  /** UUIDv7 */
  id: string;
  name: string;
  scopes: Array<
    | 'products:read'
    | 'products:write'
    | 'stock:read'
    | 'stock:write'
    | 'orders:read'
    | 'orders:write'
    | 'customers:read'
    | 'customers:write'
    | 'mails:read'
    | 'mails:write'
    | 'webhooks:read'
    | 'webhooks:write'
    | 'audit:read'
    | 'audit:write'
    | 'reports:read'
    | 'reports:write'
  >;
  /** The admin who made it. */
  createdBy: string;
  createdAt: string;
  /** Until when it works; null is until it is revoked. */
  expiresAt: string | null;
  /** For `Authorization: Bearer`. It is shown this once and not kept. */
  key: string;
};

export type Order = {
  /** UUIDv7 */
  id: string;
  /** For people: ten digits of base 32. */
  number: string;
  /** UUIDv7 */
  customerId: string;
  status: OrderStatus;
  /** In minor units of the currency. */
  totalCents: number;
  /** ISO 4217 */
  currency: string;
  items: Array<OrderItem>;
  /** Since the order was placed, or last restored. */
  history: Array<StatusEntry>;
  shippingAddress: ShippingAddress | null;
  /** The customer's own. */
  note: string | null;
  shipment: Shipment | null;
  /** For admins; null for customers. */
  hold: { reason: string; since: string } | null;
  /** When it moves on by itself; null when it does not: on hold, at its end, or where no order does. */
  nextStatusAt: string | null;
  deletableAt: string;
  createdAt: string;
  updatedAt: string;
  deletedAt: string | null;
};

/** Null clears it, unless this shop requires one. */
export type OrderAddressInput = { shippingAddress: ShippingAddressInput | null };

/** What an event tells of an order; the rest is at `GET /api/orders/{id}`. */
export type OrderEventData = {
  /** UUIDv7 */
  id: string;
  /** For people: ten digits of base 32. */
  number: string;
  /** UUIDv7 */
  customerId: string;
  status: OrderStatus;
  /** Counts from 1; an order that is restored begins the next one. */
  run: number;
  totalCents: number;
  /** ISO 4217 */
  currency: string;
};

export type OrderHoldInput = { reason: string };

export type OrderInput = {
  /** Lines of one product are added up, to at most 1000. */
  items: Array<{ productId: string; quantity: number }>;
  shippingAddress?: ShippingAddressInput | null | undefined;
  note?: string | null | undefined;
};

/** SKU, name and price are those of the moment of ordering. */
export type OrderItem = {
  /** UUIDv7 */
  productId: string;
  sku: string | null;
  name: string;
  quantity: number;
  unitPriceCents: number;
};

export type OrderList = { data: Array<Order>; pagination: Pagination };

export type OrderStatus = 'pending' | 'processing' | 'shipped' | 'delivered' | 'cancelled';

/** Carrier and tracking go with `shipped` and `delivered` only. What is left out stays; null clears. */
export type OrderStatusInput = {
  /** The one after the present one; the present one changes nothing but what is said of the parcel. */
  status: OrderStatus;
  /** One line; blanks around it do not count. */
  carrier?: string | null | undefined;
  /** One line; blanks around it do not count. */
  trackingNumber?: string | null | undefined;
  trackingUrl?: string | null | undefined;
};

export type Pagination = {
  page: number;
  limit: number;
  /** Exact up to 10 000, may be an estimate beyond. */
  totalItems: number;
  totalPages: number;
  /** Null on the last page, and when results are ranked. */
  nextCursor: string | null;
};

export type PasswordChange = {
  currentPassword: string;
  /** Counted in NFC, and not one of the 3 000 most common ones. */
  newPassword: string;
};

export type PasswordReset = {
  /** As the mail has it. */
  token: string;
  /** Counted in NFC, and not one of the 3 000 most common ones. */
  newPassword: string;
};

export type PhoneChange = { phone: string | null };

export type Product = {
  /** UUIDv7 */
  id: string;
  sku: string | null;
  name: string;
  description: string | null;
  priceCents: number;
  /** ISO 4217 */
  currency: string;
  stock: number;
  tags: Array<string>;
  images: Array<{ url: string; alt: string }>;
  createdAt: string;
  updatedAt: string;
  deletedAt: string | null;
};

export type ProductBatchInput = {
  /** Each is judged alone. */
  items: Array<ProductBatchItem>;
  /** `reject`, as when left out: one item that is refused, and nothing is written; `skip`: the others are. */
  onError?: 'reject' | 'skip' | undefined;
  /** Answers the same, and writes nothing. */
  dryRun?: boolean | undefined;
};

/** What is left out becomes its default, as with `PUT`. */
export type ProductBatchItem = {
  /** One line; blanks around it do not count. */
  name: string;
  description?: string | null | undefined;
  priceCents: number;
  /** For a new product, and only for that. */
  stock?: number | undefined;
  /** Which product it is, or is to be. */
  sku: string;
  /** Each once; compared exactly, in NFC. */
  tags?: Array<string> | undefined;
  /** Never fetched by the shop. */
  images?:
    | Array<{
        url: string;
        /** What the picture shows, for those who do not see it. */
        alt: string;
      }>
    | undefined;
  /** For a product that is there, and only for that; not 0; needs an `Idempotency-Key`. */
  stockChange?: number | undefined;
};

export type ProductBatchResult = {
  /** As it was sent; null where no text was. */
  sku: string | null;
  /** `unchanged`: the product is so already, and keeps its version; `refused`: for the reason in `code`; `not_written`: because of another one. */
  outcome: 'created' | 'updated' | 'unchanged' | 'refused' | 'not_written';
  /** The product; null where there is none, and on `refused`. */
  id: string | null;
  code?: ErrorCode | undefined;
  /** What is wrong with the item, or of what it is short. */
  errors?: Array<FieldError | ShortLine> | undefined;
};

export type ProductBatchResults = {
  /** In the order of the items. */
  results: Array<ProductBatchResult>;
};

export type ProductInput = {
  /** One line; blanks around it do not count. */
  name: string;
  description?: string | null | undefined;
  priceCents: number;
  stock: number;
  /** Unique among products that are not deleted. */
  sku?: string | null | undefined;
  /** Each once; compared exactly, in NFC. */
  tags?: Array<string> | undefined;
  /** Never fetched by the shop. */
  images?:
    | Array<{
        url: string;
        /** What the picture shows, for those who do not see it. */
        alt: string;
      }>
    | undefined;
};

export type ProductList = { data: Array<Product>; pagination: Pagination };

/** What is left out becomes its default, `stock` aside. */
export type ProductReplacement = {
  /** One line; blanks around it do not count. */
  name: string;
  description?: string | null | undefined;
  priceCents: number;
  /** Stays as it is when left out. */
  stock?: number | undefined;
  /** Unique among products that are not deleted. */
  sku?: string | null | undefined;
  /** Each once; compared exactly, in NFC. */
  tags?: Array<string> | undefined;
  /** Never fetched by the shop. */
  images?:
    | Array<{
        url: string;
        /** What the picture shows, for those who do not see it. */
        alt: string;
      }>
    | undefined;
};

export type Profile = {
  /** One line; blanks around it do not count. It holds no `://`, no `www.`, and nothing that cannot be seen or turns text round. */
  name: string;
  email: string;
  phone: string | null;
};

export type QueuedMails = {
  /** How many mails were queued; call again until it is 0. */
  queued: number;
};

export type QueuedWebhookDeliveries = {
  /** How many deliveries were queued; call again until it is 0. */
  queued: number;
};

export type Readiness = {
  status: 'ok' | 'degraded' | 'unavailable';
  /** Left out where others than operators may ask: see METRICS_PORT, and behind a proxy */
  checks?: { postgres: 'up' | 'down' | 'none'; redis: 'up' | 'down' | 'none' } | undefined;
};

export type RecoveryCodes = {
  /** Ten, each good once instead of a code of the app. They are shown this once. */
  recoveryCodes: Array<string>;
};

export type Registration = {
  /** One line; blanks around it do not count. It holds no `://`, no `www.`, and nothing that cannot be seen or turns text round. */
  name: string;
  email: string;
  /** Counted in NFC, and not one of the 3 000 most common ones. */
  password: string;
  phone?: string | null | undefined;
};

export type SalesReport = {
  /** ISO 4217 */
  currency: string;
  /** Every day of the span, with the orders placed on it that are neither cancelled nor deleted. */
  days: Array<{
    day: string;
    orders: number;
    units: number;
    /** In minor units of the currency. */
    totalCents: number;
  }>;
  /** The ten products of which most units were sold in the span. */
  bestSellers: Array<{
    /** UUIDv7 */
    productId: string;
    sku: string | null;
    name: string;
    units: number;
    /** In minor units of the currency. */
    totalCents: number;
  }>;
  /** The twenty products with the lowest stock now. */
  lowStock: Array<{
    /** UUIDv7 */
    productId: string;
    sku: string | null;
    name: string;
    stock: number;
  }>;
  /** Orders as they are now, each counted to 10000 at most. `onHold` and `late` (should have moved on by itself, and has not) are among the others. */
  open: { pending: number; processing: number; shipped: number; onHold: number; late: number };
};

export type Session = {
  /** UUIDv7 */
  id: string;
  createdAt: string;
  expiresAt: string;
  /** The `User-Agent` that signed in, cut to 500 characters. */
  userAgent: string | null;
  /** The network address that signed in; of IPv6 its /64. */
  address: string;
  /** Whether the token of this request is of this session. */
  current: boolean;
};

export type SessionList = { data: Array<Session>; pagination: Pagination };

/** What staff have said of the parcel. */
export type Shipment = { carrier: string | null; trackingNumber: string | null; trackingUrl: string | null };

export type ShippingAddress = {
  name: string;
  line1: string;
  line2: string | null;
  city: string;
  region: string | null;
  postalCode: string | null;
  /** ISO 3166-1 alpha-2 */
  country: string;
};

export type ShippingAddressInput = {
  /** One line; blanks around it do not count. */
  name: string;
  /** One line; blanks around it do not count. */
  line1: string;
  /** One line; blanks around it do not count. */
  line2?: string | null | undefined;
  /** One line; blanks around it do not count. */
  city: string;
  /** One line; blanks around it do not count. */
  region?: string | null | undefined;
  /** One line; blanks around it do not count. */
  postalCode?: string | null | undefined;
  /** ISO 3166-1 alpha-2 */
  country: string;
};

/** A product of which there is not enough. */
export type ShortLine = {
  /** UUIDv7 */
  productId: string;
  requested: number;
  available: number;
};

export type SignedIn = {
  /** For `Authorization: Bearer`. */
  token: string;
  tokenType: 'Bearer';
  expiresAt: string;
  customer: Customer;
};

export type StatusEntry = { status: OrderStatus; at: string };

export type StockChange = {
  /** UUIDv7 */
  id: string;
  /** UUIDv7 */
  productId: string;
  /** Units that came in, or went out when negative. */
  change: number;
  /** `created`: the product was made with it; `edited`: a `PUT` set another stock, or a batch changed it; `opening`: it was there before changes were booked. */
  reason: 'created' | 'edited' | 'opening' | 'received' | 'returned' | 'damaged' | 'count' | 'correction';
  note: string | null;
  /** The stock right after the change. */
  stockAfter: number;
  actor: {
    kind: 'customer' | 'admin' | 'key' | 'system';
    /** The account or key; null for the shop itself. */
    id: string | null;
  };
  createdAt: string;
};

export type StockChangeInput = {
  productId: string;
  /** Units that come in, or go out when negative; not 0. */
  change: number;
  reason: 'received' | 'returned' | 'damaged' | 'count' | 'correction';
  note?: string | null | undefined;
  /** Refused with `stock_changed` unless the stock is this. */
  expectedStock?: number | undefined;
};

export type StockChangeList = { data: Array<StockChange>; pagination: Pagination };

export type Totp = {
  /** In base 32, for typing it in. */
  secret: string;
  /** For a QR code that authenticator apps read. */
  url: string;
};

export type TotpConfirmation = {
  /** Of the authenticator app. */
  code: string;
};

export type TotpRemoval = {
  currentPassword: string;
  /** Of the authenticator app, or a recovery code; blanks and hyphens do not count. */
  code: string;
};

export type TotpStart = { currentPassword: string };

export type Webhook = {
  /** UUIDv7 */
  id: string;
  url: string;
  events: Array<
    | 'order.pending'
    | 'order.processing'
    | 'order.shipped'
    | 'order.delivered'
    | 'order.cancelled'
    | 'product.created'
    | 'product.updated'
    | 'product.deleted'
    | 'product.restored'
    | 'stock.changed'
    | 'webhook.test'
    | '*'
  >;
  description: string | null;
  /** Since when nothing is sent to it: it answered 410, or failed for three days. `PUT` enables it again. */
  disabledAt: string | null;
  createdAt: string;
  updatedAt: string;
};

export type WebhookDelivery = {
  /** The `webhook-id` of its every attempt. */
  id: string;
  /** UUIDv7 */
  webhookId: string;
  type:
    | 'order.pending'
    | 'order.processing'
    | 'order.shipped'
    | 'order.delivered'
    | 'order.cancelled'
    | 'product.created'
    | 'product.updated'
    | 'product.deleted'
    | 'product.restored'
    | 'stock.changed'
    | 'webhook.test';
  state: 'queued' | 'sending' | 'sent' | 'failed';
  attempts: number;
  lastError: string | null;
  createdAt: string;
  nextAttemptAt: string | null;
  sentAt: string | null;
};

export type WebhookDeliveryList = { data: Array<WebhookDelivery>; pagination: Pagination };

export type WebhookInput = {
  url: string;
  events: Array<
    | 'order.pending'
    | 'order.processing'
    | 'order.shipped'
    | 'order.delivered'
    | 'order.cancelled'
    | 'product.created'
    | 'product.updated'
    | 'product.deleted'
    | 'product.restored'
    | 'stock.changed'
    | 'webhook.test'
    | '*'
  >;
  description?: string | null | undefined;
};

export type WebhookList = { data: Array<Webhook>; pagination: Pagination };

export type WebhookWithSecret = {
  /** UUIDv7 */
  id: string;
  url: string;
  events: Array<
    | 'order.pending'
    | 'order.processing'
    | 'order.shipped'
    | 'order.delivered'
    | 'order.cancelled'
    | 'product.created'
    | 'product.updated'
    | 'product.deleted'
    | 'product.restored'
    | 'stock.changed'
    | 'webhook.test'
    | '*'
  >;
  description: string | null;
  /** Since when nothing is sent to it: it answered 410, or failed for three days. `PUT` enables it again. */
  disabledAt: string | null;
  createdAt: string;
  updatedAt: string;
  /** Shown this once. Deliveries are signed with it, by Standard Webhooks. */
  secret: string;
};

/** Every code that a problem can have, and its status. */
export type StatusByCode = {
  malformed_json: 400;
  unauthenticated: 401;
  invalid_credentials: 401;
  code_required: 401;
  forbidden: 403;
  missing_scope: 403;
  totp_required: 403;
  not_found: 404;
  method_not_allowed: 405;
  email_taken: 409;
  email_already_verified: 409;
  last_admin: 409;
  totp_active: 409;
  totp_not_started: 409;
  totp_not_active: 409;
  product_not_deleted: 409;
  sku_taken: 409;
  insufficient_stock: 409;
  stock_changed: 409;
  stock_too_high: 409;
  order_not_cancellable: 409;
  order_too_recent: 409;
  order_delivered: 409;
  order_not_restorable: 409;
  order_not_changeable: 409;
  order_status_conflict: 409;
  order_on_hold: 409;
  order_not_on_hold: 409;
  customer_has_undelivered_orders: 409;
  customer_not_deleted: 409;
  customer_erased: 409;
  mail_not_failed: 409;
  delivery_not_failed: 409;
  idempotency_in_progress: 409;
  precondition_failed: 412;
  payload_too_large: 413;
  unsupported_media_type: 415;
  validation_failed: 422;
  unknown_product: 422;
  token_invalid: 422;
  batch_refused: 422;
  idempotency_key_reused: 422;
  rate_limited: 429;
  internal_error: 500;
  unavailable: 503;
};

/** Every route: what goes in, what comes out by status, and the codes of its problems. */
export type Routes = {
  '/api/audit-events': {
    /**
     * List audit events.
     * Lists who did what to which account, product, order, key or webhook, newest first. Each change that staff or the owner of an account makes leaves one event, written in its transaction; refused requests, requests that change nothing, signing in and out, orders placed, and the automatic steps of orders leave none. Events cannot be changed or deleted.
     */
    $get: Endpoint<
      {
        query?: {
          /** Which page, counted from 1; not with `cursor`. */
          page?: number | string | undefined;
          /** How many rows a page has at most; by default 20. */
          limit?: number | string | undefined;
          /** The `nextCursor` of the page before, sent with the same filters and sort; left out for the first page. */
          cursor?: string | undefined;
          /** Only what this account or key has done. */
          actorId?: string | undefined;
          /** Only what was done to this account, product, order, key or webhook. */
          subjectId?: string | undefined;
          /** Only events of this kind. */
          action?:
            | 'customer.created'
            | 'customer.updated'
            | 'customer.email_changed'
            | 'customer.password_changed'
            | 'customer.verified'
            | 'customer.signed_out'
            | 'customer.totp_enabled'
            | 'customer.totp_disabled'
            | 'customer.deleted'
            | 'customer.restored'
            | 'customer.erased'
            | 'product.created'
            | 'product.updated'
            | 'product.deleted'
            | 'product.restored'
            | 'stock.changed'
            | 'order.cancelled'
            | 'order.deleted'
            | 'order.restored'
            | 'key.created'
            | 'key.revoked'
            | 'order.status_changed'
            | 'order.held'
            | 'order.released'
            | 'order.address_changed'
            | 'webhook.created'
            | 'webhook.updated'
            | 'webhook.deleted'
            | 'webhook.secret_changed'
            | undefined;
        };
      },
      { 200: AuditEventList },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/auth/email/send-verification': {
    /**
     * Ask for a mail to confirm your e-mail address.
     * Sends your address a token to confirm it with, which works once, within three days, and replaces the one before; none when there was such a mail within the last minute. Twenty requests an hour for each network address, those for a new password counted along.
     */
    $post: Endpoint<
      {},
      { 202: undefined },
      | 'unauthenticated'
      | 'forbidden'
      | 'email_already_verified'
      | 'payload_too_large'
      | 'validation_failed'
      | 'rate_limited'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/auth/email/verify': {
    /**
     * Confirm an e-mail address with the token of a mail.
     * Confirms the e-mail address that the token was sent to. Mails that waited for that go out.
     */
    $post: Endpoint<
      { json: EmailVerification },
      { 204: undefined },
      | 'malformed_json'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'token_invalid'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/auth/login': {
    /**
     * Sign in.
     * Gives a bearer token for an e-mail address and its password. It begins a session, which the token names, and ends the oldest when an account has more than a hundred. With a second factor, `code` is its code or a recovery code, each good once; without it `code_required`, which counts for nothing. Ten failures in 15 minutes close an account to an address for a while; after a hundred in an hour from anywhere, attempts from addresses that have no session of the account wait their turn.
     */
    $post: Endpoint<
      { json: Credentials },
      { 200: SignedIn },
      | 'malformed_json'
      | 'invalid_credentials'
      | 'code_required'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'rate_limited'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/auth/logout': {
    /**
     * Sign out.
     * Ends the session of the token that this is asked with; the token stops working at once. Other sessions of the account stay.
     */
    $post: Endpoint<
      {},
      { 204: undefined },
      'unauthenticated' | 'forbidden' | 'payload_too_large' | 'validation_failed' | 'internal_error' | 'unavailable'
    >;
  };
  '/api/auth/password': {
    /**
     * Change the password.
     * Sets a new password for your account; the current one shows that it is you. Every session of the account ends, and every older token stops working.
     */
    $post: Endpoint<
      { json: PasswordChange },
      { 204: undefined },
      | 'malformed_json'
      | 'unauthenticated'
      | 'invalid_credentials'
      | 'forbidden'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'rate_limited'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/auth/password/forgot': {
    /**
     * Ask for a mail to set a new password.
     * Sends the account of this address a token to set a new password with, which works once, within an hour, and replaces the one before. The answer is the same whether there is such an account or not, and when it had such a mail within the last minute, which then stays the only one. Twenty requests an hour for each network address, those for confirming an address counted along.
     */
    $post: Endpoint<
      { json: ForgottenPassword },
      { 202: undefined },
      | 'malformed_json'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'rate_limited'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/auth/password/reset': {
    /**
     * Set a new password with the token of a mail.
     * Sets a new password for the account that the token of a mail is for. Every session of the account ends, every older token stops working, and the address counts as confirmed.
     */
    $post: Endpoint<
      { json: PasswordReset },
      { 204: undefined },
      | 'malformed_json'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'token_invalid'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/auth/register': {
    /**
     * Open an account.
     * Opens an account for a customer. A network address may open so many an hour as the shop has set.
     */
    $post: Endpoint<
      { json: Registration },
      { 201: Customer },
      | 'malformed_json'
      | 'email_taken'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'rate_limited'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/auth/totp': {
    /**
     * Begin a second factor.
     * Begins a second factor: gives the secret of an authenticator app (RFC 6238). Nothing changes until a code of it is confirmed; beginning again gives another secret.
     */
    $post: Endpoint<
      { json: TotpStart },
      { 200: Totp },
      | 'malformed_json'
      | 'unauthenticated'
      | 'invalid_credentials'
      | 'forbidden'
      | 'totp_active'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'rate_limited'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/auth/totp/confirm': {
    /**
     * Confirm a second factor.
     * Confirms a second factor that was begun, by a code of its app, and gives recovery codes. From now on signing in takes a code. Wrong codes count as failed sign-ins.
     */
    $post: Endpoint<
      { json: TotpConfirmation },
      { 200: RecoveryCodes },
      | 'malformed_json'
      | 'unauthenticated'
      | 'invalid_credentials'
      | 'forbidden'
      | 'totp_not_started'
      | 'totp_active'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'rate_limited'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/auth/totp/remove': {
    /**
     * Remove the second factor.
     * Takes the second factor off your account, and its recovery codes with it. Wrong codes and passwords count as failed sign-ins. Where every admin needs a second factor, an admin is refused.
     */
    $post: Endpoint<
      { json: TotpRemoval },
      { 204: undefined },
      | 'malformed_json'
      | 'unauthenticated'
      | 'invalid_credentials'
      | 'forbidden'
      | 'totp_required'
      | 'totp_not_active'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'rate_limited'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/customers': {
    /**
     * List customers.
     * Lists accounts, newest first; deleted ones with `includeDeleted` alone. For somebody on the telephone, `email` finds the one account of an address, and `q` those whose name or address begins with it.
     */
    $get: Endpoint<
      {
        query?: {
          /** Which page, counted from 1; not with `cursor`. */
          page?: number | string | undefined;
          /** How many rows a page has at most; by default 20. */
          limit?: number | string | undefined;
          /** The `nextCursor` of the page before, sent with the same filters and sort; left out for the first page. */
          cursor?: string | undefined;
          /** Only the account of this e-mail address, in any case. */
          email?: string | undefined;
          /** Only accounts whose name or e-mail address begins with this, in any case. */
          q?: string | undefined;
          /** `true`: deleted accounts, too. */
          includeDeleted?: boolean | 'true' | 'false' | undefined;
        };
        header?: {
          /** An `ETag`; 304 if it is still the current one. */
          'If-None-Match'?: string;
        };
      },
      { 200: CustomerList; 304: undefined },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/customers/email/:id': {
    /**
     * Change the e-mail address.
     * Changes the e-mail address of an account. The new one is unconfirmed; both are told by mail.
     */
    $patch: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
        json: EmailChange;
      },
      { 200: Customer },
      | 'malformed_json'
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'email_taken'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/customers/phone/:id': {
    /**
     * Change or clear the phone number.
     * Changes the telephone number of an account; `null` clears it.
     */
    $patch: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
        json: PhoneChange;
      },
      { 200: Customer },
      | 'malformed_json'
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/customers/restore/:id': {
    /**
     * Open a deleted account again.
     * Opens a deleted account again, with the password and role that it had, and without a session. Nobody else may have its address by now.
     */
    $patch: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 200: Customer },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'customer_not_deleted'
      | 'customer_erased'
      | 'email_taken'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/customers/:id': {
    /**
     * Read an account.
     * Reads an account: yours, or as an admin anybody’s, a deleted one too.
     */
    $get: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 200: Customer },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
    /**
     * Replace the profile.
     * Replaces the name, e-mail address and telephone number of an account, all three. A new address is unconfirmed; both addresses are told by mail.
     */
    $put: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
        json: Profile;
      },
      { 200: Customer },
      | 'malformed_json'
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'email_taken'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
    /**
     * Close an account.
     * Closes an account that has no undelivered orders. All its tokens stop working at once; an admin can open it again.
     */
    $delete: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 204: undefined },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'last_admin'
      | 'customer_has_undelivered_orders'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/customers/:id/erase': {
    /**
     * Erase the person behind an account.
     * Erases the person behind an account: name, address, telephone number and password are overwritten, sessions and what else is personal go, orders stay. It cannot be undone. The owner shows the password; an admin sends no body, and may erase a deleted account, too.
     */
    $post: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
        json?: Erasure;
      },
      { 204: undefined },
      | 'malformed_json'
      | 'unauthenticated'
      | 'invalid_credentials'
      | 'forbidden'
      | 'totp_required'
      | 'not_found'
      | 'customer_erased'
      | 'last_admin'
      | 'customer_has_undelivered_orders'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'rate_limited'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/customers/:id/export': {
    /**
     * Export all that is held about a person.
     * Gives all that is held about a person: account, sessions, orders with their mails, and what the audit events tell. It is made while it is sent; one that breaks off is no whole document. An admin also gets that of a deleted account.
     */
    $get: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 200: CustomerExport },
      | 'unauthenticated'
      | 'forbidden'
      | 'totp_required'
      | 'not_found'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/customers/:id/sign-out': {
    /**
     * End all tokens of an account.
     * Ends every session of an account: all its tokens stop working at once, the one that this is asked with too if it is of the account.
     */
    $post: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 204: undefined },
      | 'unauthenticated'
      | 'forbidden'
      | 'totp_required'
      | 'not_found'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/exports/orders': {
    /**
     * Export orders.
     * Gives all orders that are not deleted as a file, by id; in CSV one line for each line of an order. Streamed, whatever its size, each part as it is when it is read. One that breaks off ends without the last chunk, so that it cannot be taken for a whole. In CSV (RFC 4180) null is empty, lists are JSON, and a cell that a spreadsheet might run, because it begins with `=`, `+`, `-`, `@`, tab or CR, has a `'` before it, as has one that begins with that.
     */
    $get: Endpoint<
      {
        query: {
          /** CSV by RFC 4180 with a header line, or a JSON document a line. */
          format: 'csv' | 'ndjson';
          /** Only orders placed on this day (UTC) or later. */
          from?: string | undefined;
          /** Only orders placed on this day (UTC) or earlier. */
          to?: string | undefined;
        };
      },
      { 200: string },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/exports/products': {
    /**
     * Export the catalogue.
     * Gives all products that are not deleted as a file, by id. Streamed, whatever its size, each part as it is when it is read. One that breaks off ends without the last chunk, so that it cannot be taken for a whole. In CSV (RFC 4180) null is empty, lists are JSON, and a cell that a spreadsheet might run, because it begins with `=`, `+`, `-`, `@`, tab or CR, has a `'` before it, as has one that begins with that.
     */
    $get: Endpoint<
      {
        query: {
          /** CSV by RFC 4180 with a header line, or a JSON document a line. */
          format: 'csv' | 'ndjson';
        };
      },
      { 200: string },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/failed-mails/send': {
    /**
     * Send the failed mails again.
     * Sends the mails again that have failed, up to 10 000 of them, the oldest first.
     */
    $post: Endpoint<
      {},
      { 200: QueuedMails },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/failed-webhook-deliveries/send': {
    /**
     * Send the failed webhook deliveries again.
     * Sends the webhook deliveries again that have failed, up to 10 000 of them, the oldest first, without those of disabled webhooks.
     */
    $post: Endpoint<
      {},
      { 200: QueuedWebhookDeliveries },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/keys': {
    /**
     * Make a key for a program.
     * Makes a key for a program, which sends it as `Authorization: Bearer shop_…` and may then do what its scopes name, as staff. A scope that ends in `:write` is good for reading, too. The key is shown this once; a hash of it is kept. It works until `expiresAt` or until it is revoked, whatever becomes of the admin who made it. A key cannot place orders, and what no scope names is closed to it.
     */
    $post: Endpoint<
      { json: KeyInput },
      { 201: NewKey },
      | 'malformed_json'
      | 'unauthenticated'
      | 'forbidden'
      | 'totp_required'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
    /**
     * List keys.
     * Lists the keys that have not been revoked, expired ones too, newest first, without what they are sent as.
     */
    $get: Endpoint<
      {
        query?: {
          /** Which page, counted from 1; not with `cursor`. */
          page?: number | string | undefined;
          /** How many rows a page has at most; by default 20. */
          limit?: number | string | undefined;
          /** The `nextCursor` of the page before, sent with the same filters and sort; left out for the first page. */
          cursor?: string | undefined;
        };
      },
      { 200: KeyList },
      'unauthenticated' | 'forbidden' | 'totp_required' | 'validation_failed' | 'internal_error' | 'unavailable'
    >;
  };
  '/api/keys/:id': {
    /**
     * Revoke a key.
     * Revokes the key of a program. It stops working at once, everywhere.
     */
    $delete: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 204: undefined },
      | 'unauthenticated'
      | 'forbidden'
      | 'totp_required'
      | 'not_found'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/mails': {
    /**
     * List mails.
     * Lists what the shop owes and has sent by mail, newest first.
     */
    $get: Endpoint<
      {
        query?: {
          /** Which page, counted from 1; not with `cursor`. */
          page?: number | string | undefined;
          /** How many rows a page has at most; by default 20. */
          limit?: number | string | undefined;
          /** The `nextCursor` of the page before, sent with the same filters and sort; left out for the first page. */
          cursor?: string | undefined;
          /** Only mails in this state. */
          state?: 'queued' | 'sending' | 'sent' | 'failed' | undefined;
          /** Only mails of this order. */
          orderId?: string | undefined;
          /** Only mails to this account, of its orders too. */
          customerId?: string | undefined;
        };
      },
      { 200: MailList },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/mails/:id/send': {
    /**
     * Send a failed mail again.
     * Sends a mail again that has failed. It is tried at once, and then for a day again.
     */
    $post: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 200: Mail },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'mail_not_failed'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/orders': {
    /**
     * List orders.
     * Lists orders, newest first: your own, or as an admin everybody’s.
     */
    $get: Endpoint<
      {
        query?: {
          /** Which page, counted from 1; not with `cursor`. */
          page?: number | string | undefined;
          /** How many rows a page has at most; by default 20. */
          limit?: number | string | undefined;
          /** The `nextCursor` of the page before, sent with the same filters and sort; left out for the first page. */
          cursor?: string | undefined;
          /** Only orders in this status. */
          status?: OrderStatus | undefined;
          /** Only the order with this number, in any case, with or without hyphens, `O` for `0`, `I` and `L` for `1`. */
          number?: string | undefined;
          /** Only this customer's orders. For admins; from others it is refused, who see their own alone. */
          customerId?: string | undefined;
          /** `true`: deleted orders, too. For admins; from others it is refused. */
          includeDeleted?: boolean | 'true' | 'false' | undefined;
        };
      },
      { 200: OrderList },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
    /**
     * Place an order.
     * Places an order, all of it or nothing. Lines of the same product are added up. With an `Idempotency-Key` it is safe to send again: what was ordered is not ordered twice.
     */
    $post: Endpoint<
      {
        header?: {
          /** Makes a retry safe: the first answer is kept for 24 hours and given again. */
          'Idempotency-Key'?: string;
        };
        json: OrderInput;
      },
      { 201: Order },
      | 'malformed_json'
      | 'unauthenticated'
      | 'forbidden'
      | 'insufficient_stock'
      | 'idempotency_in_progress'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'unknown_product'
      | 'idempotency_key_reused'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/orders/address/:id': {
    /**
     * Have an order go to another address.
     * Changes where an order goes, while it is pending or processing.
     */
    $patch: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
        json: OrderAddressInput;
      },
      { 200: Order },
      | 'malformed_json'
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'order_not_changeable'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/orders/cancel/:id': {
    /**
     * Cancel an order.
     * Cancels an order while it is pending or processing. Its stock comes back.
     */
    $patch: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 200: Order },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'order_not_cancellable'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/orders/hold/:id': {
    /**
     * Put an order on hold.
     * Stops an order, which does not move on until it is released. It can still be cancelled and deleted, and stays held.
     */
    $patch: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
        json: OrderHoldInput;
      },
      { 200: Order },
      | 'malformed_json'
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'order_on_hold'
      | 'order_not_changeable'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/orders/release/:id': {
    /**
     * Release an order that is on hold.
     * Lets an order move on that is on hold, whatever its status. Its next step by itself comes one interval later.
     */
    $patch: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 200: Order },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'order_not_on_hold'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/orders/restore/:id': {
    /**
     * Take a cancelled or deleted order up again.
     * Takes up an order again that is cancelled or deleted. It takes its stock again and starts over, in a new run, without its shipment; at most 5 times.
     */
    $patch: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 200: Order },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'order_not_restorable'
      | 'insufficient_stock'
      | 'payload_too_large'
      | 'validation_failed'
      | 'unknown_product'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/orders/status/:id': {
    /**
     * Move an order to its next status.
     * Moves an order to its next status. The request names the status that it is to have, so that a second request does nothing twice. The next step by itself comes one interval later.
     */
    $patch: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
        json: OrderStatusInput;
      },
      { 200: Order },
      | 'malformed_json'
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'order_status_conflict'
      | 'order_on_hold'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/orders/:id': {
    /**
     * Read an order.
     * Reads an order of yours, or as an admin any, a deleted one too.
     */
    $get: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 200: Order },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
    /**
     * Delete an order.
     * Deletes an order once it is old enough (`deletableAt`), and never when it is delivered. One that still runs is cancelled by it.
     */
    $delete: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 204: undefined },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'order_delivered'
      | 'order_too_recent'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/products': {
    /**
     * List products.
     * Lists the products that are not deleted. `q` searches, the others filter; `sort` orders, by default newest first, or with `q` best match first.
     */
    $get: Endpoint<
      {
        query?: {
          /** Which page, counted from 1; not with `cursor`. */
          page?: number | string | undefined;
          /** How many rows a page has at most; by default 20. */
          limit?: number | string | undefined;
          /** The `nextCursor` of the page before, sent with the same filters and sort; left out for the first page. */
          cursor?: string | undefined;
          /** Words in name or description, in any case and with or without accents; each matches by its beginning. The first ten count. */
          q?: string | undefined;
          /** Only products that cost so much or more. */
          minPriceCents?: number | string | undefined;
          /** Only products that cost so much or less. */
          maxPriceCents?: number | string | undefined;
          /** `true`: only products of which there are some. */
          inStock?: boolean | 'true' | 'false' | undefined;
          /** Only the product with this SKU: up to 64 printable ASCII characters without blanks. */
          sku?: string | undefined;
          /** Only products with this tag. */
          tag?: string | undefined;
          /** By default `-createdAt`, or with `q` the best match first. */
          sort?: 'createdAt' | '-createdAt' | 'priceCents' | '-priceCents' | 'name' | '-name' | undefined;
        };
        header?: {
          /** An `ETag`; 304 if it is still the current one. */
          'If-None-Match'?: string;
        };
      },
      { 200: ProductList; 304: undefined },
      'validation_failed' | 'internal_error' | 'unavailable'
    >;
    /**
     * Add a product.
     * Adds a product to the catalogue. Its stock is booked as a stock change, `created`.
     */
    $post: Endpoint<
      { json: ProductInput },
      { 201: Product },
      | 'malformed_json'
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'sku_taken'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/products/batch': {
    /**
     * Add and replace products.
     * Adds or replaces up to 500 products at once, each known by its `sku`: it is made, with `stock`, or replaced as by `PUT`, and then `stockChange` books a difference as a stock change, `edited`. Each item is judged alone. A `stockChange` needs an `Idempotency-Key`, and of a key the scope `stock:write`, too.
     */
    $post: Endpoint<
      {
        header?: {
          /** Makes a retry safe: the first answer is kept for 24 hours and given again. */
          'Idempotency-Key'?: string;
        };
        json: ProductBatchInput;
      },
      { 200: ProductBatchResults },
      | 'malformed_json'
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'idempotency_in_progress'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'batch_refused'
      | 'idempotency_key_reused'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/products/restore/:id': {
    /**
     * Put a deleted product back.
     * Puts a deleted product back into the catalogue, with the stock that it had. No other product may have its SKU by now.
     */
    $patch: Endpoint<
      {
        header?: {
          /** An `ETag`, or `*`; 412 unless it is still the current one. */
          'If-Match'?: string;
          /** An `ETag`, or `*`; 412 if it is the current one. */
          'If-None-Match'?: string;
        };
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 200: Product },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'product_not_deleted'
      | 'sku_taken'
      | 'precondition_failed'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/products/:id': {
    /**
     * Read a product.
     * Reads one product. An admin also sees a deleted one.
     */
    $get: Endpoint<
      {
        header?: {
          /** An `ETag`; 304 if it is still the current one. */
          'If-None-Match'?: string;
        };
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 200: Product; 304: undefined },
      'not_found' | 'validation_failed' | 'internal_error' | 'unavailable'
    >;
    /**
     * Replace a product.
     * Replaces a product as a whole. What is left out becomes its default, but for `stock`, which stays then; another stock is booked as a stock change, `edited`, for which a key needs the scope `stock:write`, too. With `If-Match`, only if the product has not changed since; with `If-None-Match: *`, never.
     */
    $put: Endpoint<
      {
        header?: {
          /** An `ETag`, or `*`; 412 unless it is still the current one. */
          'If-Match'?: string;
          /** An `ETag`, or `*`; 412 if it is the current one. */
          'If-None-Match'?: string;
        };
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
        json: ProductReplacement;
      },
      { 200: Product },
      | 'malformed_json'
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'sku_taken'
      | 'precondition_failed'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
    /**
     * Take a product out of the catalogue.
     * Takes a product out of the catalogue. Orders keep what they hold of it, and it can be put back.
     */
    $delete: Endpoint<
      {
        header?: {
          /** An `ETag`, or `*`; 412 unless it is still the current one. */
          'If-Match'?: string;
          /** An `ETag`, or `*`; 412 if it is the current one. */
          'If-None-Match'?: string;
        };
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 204: undefined },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'precondition_failed'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/reports/sales': {
    /**
     * Report sales.
     * Reports what was sold on each day, the best sellers, the lowest stocks and how many orders are open. Days are those of UTC, both ends included, at most 366. An order counts on the day that it was placed on, as long as it is neither cancelled nor deleted.
     */
    $get: Endpoint<
      {
        query: {
          /** The first day (UTC). */
          from: string;
          /** The last day; at most 366 days in all. */
          to: string;
        };
      },
      { 200: SalesReport },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/sessions': {
    /**
     * List your sessions.
     * Lists where your account is signed in, newest first: one session for each sign-in that has neither expired nor been ended.
     */
    $get: Endpoint<
      {
        query?: {
          /** Which page, counted from 1; not with `cursor`. */
          page?: number | string | undefined;
          /** How many rows a page has at most; by default 20. */
          limit?: number | string | undefined;
          /** The `nextCursor` of the page before, sent with the same filters and sort; left out for the first page. */
          cursor?: string | undefined;
        };
      },
      { 200: SessionList },
      'unauthenticated' | 'forbidden' | 'validation_failed' | 'internal_error' | 'unavailable'
    >;
  };
  '/api/sessions/:id': {
    /**
     * End one of your sessions.
     * Ends one of your sessions: its token stops working at once, everywhere. The session of another account is not found.
     */
    $delete: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 204: undefined },
      | 'unauthenticated'
      | 'forbidden'
      | 'not_found'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/stock-changes': {
    /**
     * List stock changes.
     * Lists the changes of stock that were booked, newest first. The stock of a product and the units of its live orders, which are neither cancelled nor deleted, always add up to its stock changes. Orders book none of their own: their units follow from an order's lines and status.
     */
    $get: Endpoint<
      {
        query?: {
          /** Which page, counted from 1; not with `cursor`. */
          page?: number | string | undefined;
          /** How many rows a page has at most; by default 20. */
          limit?: number | string | undefined;
          /** The `nextCursor` of the page before, sent with the same filters and sort; left out for the first page. */
          cursor?: string | undefined;
          /** Only changes of this product. */
          productId?: string | undefined;
        };
      },
      { 200: StockChangeList },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
    /**
     * Book a stock change.
     * Books by how much the stock of a product changes, so that orders that are placed meanwhile are not undone. With `expectedStock`, only if the stock is that before: after a count, say. With an `Idempotency-Key` a repeat books nothing.
     */
    $post: Endpoint<
      {
        header?: {
          /** Makes a retry safe: the first answer is kept for 24 hours and given again. */
          'Idempotency-Key'?: string;
        };
        json: StockChangeInput;
      },
      { 201: StockChange },
      | 'malformed_json'
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'stock_changed'
      | 'insufficient_stock'
      | 'stock_too_high'
      | 'idempotency_in_progress'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'unknown_product'
      | 'idempotency_key_reused'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/webhook-deliveries': {
    /**
     * List webhook deliveries.
     * Lists what webhooks are owed and have been sent, newest first. Deliveries that were made are kept for 30 days.
     */
    $get: Endpoint<
      {
        query?: {
          /** Which page, counted from 1; not with `cursor`. */
          page?: number | string | undefined;
          /** How many rows a page has at most; by default 20. */
          limit?: number | string | undefined;
          /** The `nextCursor` of the page before, sent with the same filters and sort; left out for the first page. */
          cursor?: string | undefined;
          /** Only deliveries in this state. */
          state?: 'queued' | 'sending' | 'sent' | 'failed' | undefined;
          /** Only deliveries to this webhook. */
          webhookId?: string | undefined;
        };
      },
      { 200: WebhookDeliveryList },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/webhook-deliveries/:id/send': {
    /**
     * Send a failed webhook delivery again.
     * Sends a webhook delivery again that has failed, with the same `webhook-id`. It is tried at once, and then for three days again.
     */
    $post: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 200: WebhookDelivery },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'delivery_not_failed'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/webhooks': {
    /**
     * List webhooks.
     * Lists the webhooks, newest first, without their secrets.
     */
    $get: Endpoint<
      {
        query?: {
          /** Which page, counted from 1; not with `cursor`. */
          page?: number | string | undefined;
          /** How many rows a page has at most; by default 20. */
          limit?: number | string | undefined;
          /** The `nextCursor` of the page before, sent with the same filters and sort; left out for the first page. */
          cursor?: string | undefined;
        };
      },
      { 200: WebhookList },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
    /**
     * Add a webhook.
     * Adds a webhook, a URL that is told of what happens from now on. `url` must begin with `https://` and lead to a public address; it holds no user and no password. The secret is shown this once.
     */
    $post: Endpoint<
      { json: WebhookInput },
      { 201: WebhookWithSecret },
      | 'malformed_json'
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/webhooks/:id': {
    /**
     * Read a webhook.
     * Reads a webhook, without its secret, which was shown when it was made.
     */
    $get: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 200: Webhook },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
    /**
     * Replace a webhook.
     * Replaces the URL, events and description of a webhook. `url` must begin with `https://` and lead to a public address; it holds no user and no password. One that has been disabled is enabled by it.
     */
    $put: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
        json: WebhookInput;
      },
      { 200: Webhook },
      | 'malformed_json'
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'payload_too_large'
      | 'unsupported_media_type'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
    /**
     * Delete a webhook.
     * Deletes a webhook. What it is owed, and what it has been sent, goes with it.
     */
    $delete: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 204: undefined },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/webhooks/:id/secret': {
    /**
     * Give a webhook a new secret.
     * Gives a webhook a new secret, which is shown this once. For 24 hours the one before signs as well.
     */
    $post: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 200: WebhookWithSecret },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/api/webhooks/:id/test': {
    /**
     * Send a test to a webhook.
     * Sends a `webhook.test` to one webhook alone, whatever its events.
     */
    $post: Endpoint<
      {
        param: {
          /** Which one, by its `id`. */
          id: string;
        };
      },
      { 202: WebhookDelivery },
      | 'unauthenticated'
      | 'forbidden'
      | 'missing_scope'
      | 'totp_required'
      | 'not_found'
      | 'payload_too_large'
      | 'validation_failed'
      | 'internal_error'
      | 'unavailable'
    >;
  };
  '/healthz': {
    /**
     * Alive.
     * Tells that the process lives: it answers as long as the process does, whatever else is down.
     */
    $get: Endpoint<{}, { 200: Health }, 'malformed_json'>;
  };
  '/media/:file': {
    /**
     * Get a picture.
     * Gives a picture of the products that the shop is seeded with. Pages of any origin may show them.
     */
    $get: Endpoint<
      {
        param: {
          /** As the `images` of a seeded product name it. */
          file: string;
        };
      },
      { 200: string },
      'not_found' | 'validation_failed' | 'internal_error' | 'unavailable'
    >;
  };
  '/metrics': {
    /**
     * Metrics for Prometheus.
     * Gives the metrics of this process for Prometheus. With `METRICS_PORT`, or through a proxy, there is nothing here.
     */
    $get: Endpoint<{}, { 200: string }, 'not_found' | 'internal_error' | 'unavailable'>;
  };
  '/readyz': {
    /**
     * Ready for traffic.
     * Tells whether traffic may come, and what is down. Without Redis the shop is `degraded`, and works. With `METRICS_PORT`, or through a proxy, the checks are left out here.
     */
    $get: Endpoint<{}, { 200: Readiness; 503: Readiness }, 'malformed_json'>;
  };
};

/** What `hc` of `hono/client` takes. */
export type Api = Hono<{}, Routes, '/'>;

/** Where POST takes an `Idempotency-Key`, so that a repeat is answered and not done again. */
export const keyedPaths: readonly string[] = ['/api/products/batch', '/api/orders', '/api/stock-changes'];
