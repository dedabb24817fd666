import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { type ErrorCode, ShopError } from '../errors.ts';
import type { AppEnv } from './env.ts';

type Answer = { status: ContentfulStatusCode; title: string };

/** What each code is in HTTP. Exhaustive, so a code without a status does not compile. */
export const answers = {
  malformed_json: { status: 400, title: 'Malformed request' },
  unauthenticated: { status: 401, title: 'Sign-in required' },
  invalid_credentials: { status: 401, title: 'Wrong credentials' },
  code_required: { status: 401, title: 'Code of the second factor required' },
  forbidden: { status: 403, title: 'Not allowed' },
  missing_scope: { status: 403, title: 'Missing scope' },
  totp_required: { status: 403, title: 'Second factor required' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  email_taken: { status: 409, title: 'E-mail address taken' },
  email_already_verified: { status: 409, title: 'E-mail address verified already' },
  last_admin: { status: 409, title: 'Last admin' },
  totp_active: { status: 409, title: 'Second factor active' },
  totp_not_started: { status: 409, title: 'Second factor not begun' },
  totp_not_active: { status: 409, title: 'No second factor' },
  product_not_deleted: { status: 409, title: 'Product not deleted' },
  sku_taken: { status: 409, title: 'SKU taken' },
  insufficient_stock: { status: 409, title: 'Not enough stock' },
  stock_changed: { status: 409, title: 'Stock has changed' },
  stock_too_high: { status: 409, title: 'Stock too high' },
  order_not_cancellable: { status: 409, title: 'Order cannot be cancelled' },
  order_too_recent: { status: 409, title: 'Order too recent' },
  order_delivered: { status: 409, title: 'Order delivered' },
  order_not_restorable: { status: 409, title: 'Order cannot be restored' },
  order_not_changeable: { status: 409, title: 'Order cannot be changed' },
  order_status_conflict: { status: 409, title: 'Order in another status' },
  order_on_hold: { status: 409, title: 'Order on hold' },
  order_not_on_hold: { status: 409, title: 'Order not on hold' },
  customer_has_undelivered_orders: { status: 409, title: 'Undelivered orders' },
  customer_not_deleted: { status: 409, title: 'Account not deleted' },
  customer_erased: { status: 409, title: 'Person erased' },
  mail_not_failed: { status: 409, title: 'Mail has not failed' },
  delivery_not_failed: { status: 409, title: 'Delivery has not failed' },
  idempotency_in_progress: { status: 409, title: 'First request still running' },
  precondition_failed: { status: 412, title: 'Precondition failed' },
  payload_too_large: { status: 413, title: 'Payload too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  validation_failed: { status: 422, title: 'Invalid request' },
  unknown_product: { status: 422, title: 'Unknown product' },
  token_invalid: { status: 422, title: 'Invalid token' },
  batch_refused: { status: 422, title: 'Batch refused' },
  idempotency_key_reused: { status: 422, title: 'Idempotency key reused' },
  rate_limited: { status: 429, title: 'Too many attempts' },
  internal_error: { status: 500, title: 'Internal error' },
  unavailable: { status: 503, title: 'Temporarily unavailable' },
} as const satisfies Record<ErrorCode, Answer>;

/** Turns a refusal into an RFC 9457 problem document. */
export function problem(c: Context<AppEnv>, refusal: ShopError): Response {
  const { code, message, details } = refusal;
  const { status, title } = answers[code];
  const { errors, deletableAt, currentStock, currentStatus, scope, results } = details;
  const body = {
    type: `/docs#${code}`,
    title,
    status,
    detail: message,
    code,
    requestId: c.get('requestId'),
    errors,
    deletableAt: deletableAt?.toISOString(),
    currentStock,
    results,
    scope,
    currentStatus,
  };
  return c.body(JSON.stringify(body), status, { 'Content-Type': 'application/problem+json', ...headersOf(refusal) });
}

/**
 * The one place where the facts of a refusal become headers (RFC 9110, sections 10.2.1, 10.2.3 and 11.6.1).
 */
function headersOf({ code, details }: ShopError): Record<string, string> {
  const { retryAfterSeconds, rateLimit, allowedMethods } = details;
  return {
    ...(code === 'unauthenticated' && { 'WWW-Authenticate': 'Bearer' }),
    ...(retryAfterSeconds !== undefined && { 'Retry-After': String(retryAfterSeconds) }),
    ...(rateLimit && {
      'RateLimit-Limit': String(rateLimit.limit),
      'RateLimit-Remaining': String(rateLimit.remaining),
      'RateLimit-Reset': String(rateLimit.resetSeconds),
    }),
    ...(allowedMethods && { Allow: allowedMethods.join(', ') }),
  };
}

const codesOfHttpExceptions: Partial<Record<number, ErrorCode>> = {
  400: 'malformed_json',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
};

/** The one place where an error becomes an answer; what nobody expected is logged and answered with a constant. */
export function handleError(error: Error, c: Context<AppEnv>): Response {
  if (error instanceof ShopError) {
    if (error.code === 'unavailable')
      c.get('log').warn({ err: error.cause, requestId: c.get('requestId') }, error.message);
    return problem(c, error);
  }
  const code = error instanceof HTTPException ? codesOfHttpExceptions[error.status] : undefined;
  if (code) return problem(c, new ShopError(code, answers[code].title));
  // Breaking off is no fault of ours, and nobody hears the answer.
  if (c.req.raw.signal.aborted) {
    c.get('log').info({ requestId: c.get('requestId') }, 'the caller broke off');
    return problem(c, new ShopError('malformed_json', 'The request did not come whole.'));
  }
  // Drizzle's message carries SQL and parameters; its cause says what happened without them.
  c.get('log').error({ err: error.cause ?? error, requestId: c.get('requestId') }, 'unexpected error');
  return problem(c, new ShopError('internal_error', 'Something went wrong on our side.'));
}
