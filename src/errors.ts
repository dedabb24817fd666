/** Every code an error of this shop can carry (README, "Errors"). `src/middleware/problem.ts` gives each its status. */
export const errorCodes = [
  'malformed_json',
  'unauthenticated',
  'invalid_credentials',
  'code_required',
  'forbidden',
  'missing_scope',
  'totp_required',
  'not_found',
  'method_not_allowed',
  'payload_too_large',
  'unsupported_media_type',
  'precondition_failed',
  'validation_failed',
  'unknown_product',
  'idempotency_key_reused',
  'idempotency_in_progress',
  'token_invalid',
  'batch_refused',
  'email_taken',
  'email_already_verified',
  'last_admin',
  'totp_active',
  'totp_not_started',
  'totp_not_active',
  'insufficient_stock',
  'stock_changed',
  'stock_too_high',
  'product_not_deleted',
  'sku_taken',
  'order_not_cancellable',
  'order_too_recent',
  'order_delivered',
  'order_not_restorable',
  'order_not_changeable',
  'order_status_conflict',
  'order_on_hold',
  'order_not_on_hold',
  'customer_has_undelivered_orders',
  'customer_not_deleted',
  'customer_erased',
  'mail_not_failed',
  'delivery_not_failed',
  'rate_limited',
  'unavailable',
  'internal_error',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** What is known about a refusal beside its code. `src/middleware/problem.ts` says how each fact goes over the wire. */
export type ErrorDetails = {
  /** Field errors, or the short lines of an order. */
  errors?: Record<string, unknown>[];
  /** When a too recent order may be deleted. */
  deletableAt?: Date;
  /** The stock that is not the expected one. */
  currentStock?: number;
  /** The status of an order that is in another than its caller believes. */
  currentStatus?: string;
  /** What became of each item of a batch. */
  results?: Record<string, unknown>[];
  /** How soon it is worth trying again. */
  retryAfterSeconds?: number;
  /** How many attempts there are, how many are left, and when all of them will be again. */
  rateLimit?: { limit: number; remaining: number; resetSeconds: number };
  /** What a key would need, with `missing_scope`. */
  scope?: string;
  /** What is possible instead, with `method_not_allowed`. */
  allowedMethods?: string[];
};

/** A refusal of the shop: a stable code, a sentence for people, and nothing about HTTP. */
export class ShopError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ShopError';
    this.code = code;
    this.details = details;
  }
}

/** `unavailable`, of work that may have been done all the same: nobody has heard whether it was committed. */
export class InDoubtError extends ShopError {
  /** Resolves once it is decided, or the connection is gone. */
  readonly decided: Promise<void>;

  constructor({ code, message, details, cause }: ShopError, decided: Promise<void>) {
    super(code, message, details, { cause });
    this.name = 'InDoubtError';
    this.decided = decided;
  }
}

/** Another transaction came in between: this one is to be done again, like one that Postgres itself gives up (40001). */
export class OvertakenError extends Error {
  readonly code = '40001';
}

/** The thing does not exist, is deleted, or the id is malformed: the three look alike from outside. */
export function notFound(
  thing: 'product' | 'customer' | 'order' | 'mail' | 'session' | 'picture' | 'key' | 'webhook' | 'delivery',
): ShopError {
  return new ShopError('not_found', `There is no such ${thing}.`);
}

/** A dependency is out of reach or overloaded; the caller may try again in a second. */
export function unavailable(message: string, cause?: unknown): ShopError {
  return new ShopError('unavailable', message, { retryAfterSeconds: 1 }, { cause });
}
