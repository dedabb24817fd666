import { isDeepStrictEqual } from 'node:util';
import type { CustomerBody } from '../../src/schema/customers.ts';
import type { OrderBody } from '../../src/schema/orders.ts';
import type { ProductBody } from '../../src/schema/products.ts';
import type { StockChangeBody } from '../../src/schema/stock-changes.ts';
import type { Answer as AnswerOf } from '../support/client.ts';
import type { Call } from './calls.ts';
import { type Answer, byProduct } from './rules.ts';
import type { AccountView, OrderView, ProductView } from './views.ts';

export type WireAnswer = AnswerOf<unknown>;

/** Which thing of the model has which id in the shop. */
export type Names = {
  bind: (name: string, id: string) => void;
  /** A well-formed id that does not exist for a name that has none. */
  idOf: (name: string) => string;
  /** The id itself when it has no name. */
  nameOf: (id: string) => string;
};

const noId = '01900000-0000-7000-8000-000000000000';

export function createNames(): Names {
  const ids = new Map<string, string>();
  const names = new Map<string, string>();
  return {
    bind: (name, id) => {
      ids.set(name, id);
      names.set(id, name);
    },
    idOf: (name) => ids.get(name) ?? noId,
    nameOf: (id) => names.get(id) ?? id,
  };
}

export type WireRequest = { method: string; path: string; body?: unknown; headers?: Record<string, string> };

/** The key of a product's version among entity tags. */
export function versionKey(product: string, version: number): string {
  return `${product} ${version}`;
}

/**
 * A call as it goes over the wire. `etags` holds the entity tag of each product in each version, `mailTokens` what the
 * mails brought.
 */
export function wireRequest(
  call: Call,
  idOf: Names['idOf'],
  etags: ReadonlyMap<string, string>,
  mailTokens: ReadonlyMap<string, string>,
): WireRequest {
  switch (call.kind) {
    case 'register':
      return { method: 'POST', path: '/api/auth/register', body: { ...call.profile, password: call.password } };
    case 'sign in':
      return { method: 'POST', path: '/api/auth/login', body: { email: call.email, password: call.password } };
    case 'forget password':
      return { method: 'POST', path: '/api/auth/password/forgot', body: { email: call.email } };
    case 'reset password': {
      const body = { token: mailTokens.get(call.token) ?? 'none', newPassword: call.newPassword };
      return { method: 'POST', path: '/api/auth/password/reset', body };
    }
    case 'ask to verify':
      return { method: 'POST', path: '/api/auth/email/send-verification' };
    case 'verify email':
      return { method: 'POST', path: '/api/auth/email/verify', body: { token: mailTokens.get(call.token) ?? 'none' } };
    case 'log out':
      return { method: 'POST', path: '/api/auth/logout' };
    case 'sign out':
      return { method: 'POST', path: `/api/customers/${idOf(call.account)}/sign-out` };
    case 'change password': {
      const { currentPassword, newPassword } = call;
      return { method: 'POST', path: '/api/auth/password', body: { currentPassword, newPassword } };
    }
    case 'replace profile':
      return { method: 'PUT', path: `/api/customers/${idOf(call.account)}`, body: call.change };
    case 'change email':
      return { method: 'PATCH', path: `/api/customers/email/${idOf(call.account)}`, body: call.change };
    case 'change phone':
      return { method: 'PATCH', path: `/api/customers/phone/${idOf(call.account)}`, body: call.change };
    case 'close account':
      return { method: 'DELETE', path: `/api/customers/${idOf(call.account)}` };
    case 'restore account':
      return { method: 'PATCH', path: `/api/customers/restore/${idOf(call.account)}` };
    case 'create product':
      return { method: 'POST', path: '/api/products', body: call.input };
    case 'replace product': {
      const etag = call.ifMatch === null ? undefined : (etags.get(versionKey(call.product, call.ifMatch)) ?? '"none"');
      const headers: Record<string, string> = etag === undefined ? {} : { 'If-Match': etag };
      const { stock, ...rest } = call.input;
      const body = stock === null ? rest : call.input;
      return { method: 'PUT', path: `/api/products/${idOf(call.product)}`, body, headers };
    }
    case 'delete product':
      return { method: 'DELETE', path: `/api/products/${idOf(call.product)}` };
    case 'restore product':
      return { method: 'PATCH', path: `/api/products/restore/${idOf(call.product)}` };
    case 'book stock': {
      const { product, change, expected } = call.booking;
      const expectedStock = expected === null ? {} : { expectedStock: expected };
      const body = { productId: idOf(product), change, reason: 'count', ...expectedStock };
      return { method: 'POST', path: '/api/stock-changes', body, headers: keyHeader(call.key) };
    }
    case 'place order': {
      const items = call.lines.map(({ product, quantity }) => ({ productId: idOf(product), quantity }));
      const shippingAddress = addressIn(call.street);
      const body = { items, shippingAddress };
      return { method: 'POST', path: '/api/orders', body, headers: keyHeader(call.key) };
    }
    case 'cancel order':
      return { method: 'PATCH', path: `/api/orders/cancel/${idOf(call.order)}` };
    case 'restore order':
      return { method: 'PATCH', path: `/api/orders/restore/${idOf(call.order)}` };
    case 'delete order':
      return { method: 'DELETE', path: `/api/orders/${idOf(call.order)}` };
    case 'move order': {
      const { status, carrier } = call;
      const body = carrier === null ? { status } : { status, carrier };
      return { method: 'PATCH', path: `/api/orders/status/${idOf(call.order)}`, body };
    }
    case 'hold order':
      return { method: 'PATCH', path: `/api/orders/hold/${idOf(call.order)}`, body: { reason: call.reason } };
    case 'release order':
      return { method: 'PATCH', path: `/api/orders/release/${idOf(call.order)}` };
    case 'redirect order': {
      const body = { shippingAddress: addressIn(call.street) };
      return { method: 'PATCH', path: `/api/orders/address/${idOf(call.order)}`, body };
    }
  }
}

function keyHeader(key: string | null): Record<string, string> {
  return key === null ? {} : { 'Idempotency-Key': key };
}

const addressIn = (street: string | null) =>
  street === null ? null : { name: 'Ada', line1: street, city: 'London', country: 'GB' };

type Problem = {
  code: string;
  errors?: { productId: string; requested: number; available: number }[];
  deletableAt?: string;
  currentStock?: number;
  currentStatus?: string;
};

/** Whether this is the answer that a key was first used for, come again. */
export function isReplay({ headers }: WireAnswer): boolean {
  return headers.get('Idempotent-Replayed') === 'true';
}

/** An answer in the model's terms. `firstAnswers` holds what was answered when each order was placed or change booked, by its id. */
export function readAnswer(
  { kind }: Call,
  wire: WireAnswer,
  nameOf: Names['nameOf'],
  firstAnswers: ReadonlyMap<string, unknown>,
): Answer {
  const { status, body } = wire;
  if (status >= 400) return { status, ...readProblem(body as Problem, nameOf) };
  if (status === 202 || status === 204 || kind === 'sign in') return { status };
  if (isReplay(wire)) {
    const made = body as { id: string };
    const isSame = isDeepStrictEqual(made, firstAnswers.get(made.id));
    return { status, replayOf: isSame ? nameOf(made.id) : 'not the first answer' };
  }
  const is = nameOf((body as { id: string }).id);
  if (kind === 'book stock') {
    const { productId, change, stockAfter } = body as StockChangeBody;
    return { status, booked: { is, product: nameOf(productId), change, stockAfter } };
  }
  if (kind.endsWith(' order')) return { status, order: { is, ...readOrder(body as OrderBody, nameOf) } };
  if (kind.endsWith(' product')) return { status, product: { is, ...readProduct(body as ProductBody) } };
  return { status, account: { is, ...readAccount(body as CustomerBody) } };
}

function readProblem(problem: Problem, nameOf: Names['nameOf']): Partial<Answer> {
  const { code, errors, deletableAt, currentStock, currentStatus } = problem;
  if (code === 'insufficient_stock') {
    const short = (errors ?? []).map(({ productId, ...units }) => ({ product: nameOf(productId), ...units }));
    return { code, short: byProduct(short) };
  }
  if (currentStock !== undefined) return { code, currentStock };
  if (currentStatus !== undefined) return { code, currentStatus };
  return deletableAt === undefined ? { code } : { code, deletableInHours: hoursUntil(deletableAt) };
}

export function readAccount({ name, email, phone, role, emailVerifiedAt }: CustomerBody): AccountView {
  return { name, email, phone, role, verified: emailVerifiedAt !== null };
}

export function readProduct(product: ProductBody): ProductView {
  const { name, sku, description, priceCents, tags, stock, deletedAt } = product;
  return { name, sku, description, priceCents, tags, stock, deleted: deletedAt !== null };
}

export function readOrder(order: OrderBody, nameOf: Names['nameOf']): OrderView {
  return {
    customer: nameOf(order.customerId),
    items: order.items.map(({ productId, ...item }) => ({ product: nameOf(productId), ...item })),
    history: order.history.map(({ status }) => status),
    hold: order.hold?.reason ?? null,
    street: order.shippingAddress?.line1 ?? null,
    carrier: order.shipment?.carrier ?? null,
    deleted: order.deletedAt !== null,
    status: order.status,
    totalCents: order.totalCents,
    dueInHours: order.nextStatusAt === null ? null : hoursUntil(order.nextStatusAt),
    deletableInHours: Math.max(0, hoursUntil(order.deletableAt)),
  };
}

/**
 * Rounded up, for the model's clock stands still while the shop's runs on for some seconds. What fell due within the last
 * hour is due in 0 hours; `Math.ceil` alone makes that -0, which is not the model's 0 where values are compared strictly.
 */
export function hoursUntil(moment: string): number {
  return Math.ceil((Date.parse(moment) - Date.now()) / 3_600_000) || 0;
}
