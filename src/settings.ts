import { z } from 'zod';

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const durationMsMax = 3_650 * unitMs.d;

function duration(minimumMs: number) {
  return z.string().transform((text, context) => {
    const [, amount, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
    const ms = Number(amount) * unitMs[unit as keyof typeof unitMs];
    if (Number.isNaN(ms) || ms < minimumMs || ms > durationMsMax) {
      context.addIssue(`must be a duration such as 250ms, 2s, 5m, 1h or 1d, at least ${minimumMs}ms`);
      return z.NEVER;
    }
    return ms;
  });
}

function url(...protocols: string[]) {
  return z.url({
    protocol: new RegExp(`^(${protocols.join('|')})$`),
    error: `must be a URL that starts with ${protocols.map((protocol) => `${protocol}://`).join(' or ')}`,
  });
}

function integer(minimum: number, maximum: number) {
  return z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(minimum).max(maximum));
}

const mailAddress = /^[^\s<>@]+@[^\s<>@]+$/;
const mailbox = z
  .string()
  .refine(
    (text) =>
      mailAddress.test(text) || (!/[\r\n]/.test(text) && mailAddress.test(/^[^<>]*<([^<>]+)>$/.exec(text)?.[1] ?? '')),
    'must be an address, or a name with the address in angle brackets',
  );

/** Several of a kind, separated by commas. */
function listOf(item: z.ZodType<string, string>) {
  return z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean),
    )
    .pipe(z.array(item));
}

const origin = z
  .string()
  .refine(
    (text) => text === '*' || (URL.canParse(text) && new URL(text).origin === text),
    'must be origins such as https://shop.example, separated by commas',
  );

const environmentSchema = z.object({
  NODE_ENV: z.string().optional(),
  PORT: integer(0, 65_535).default(3000),
  HOST: z.string().default('0.0.0.0'),
  DATABASE_URL: url('postgres', 'postgresql').optional(),
  DATABASE_REPLICA_URLS: listOf(url('postgres', 'postgresql')).default([]),
  REDIS_URL: url('redis', 'rediss').optional(),
  SMTP_URL: url('smtp', 'smtps').optional(),
  MAIL_FROM: mailbox.default('Shop <shop@localhost>'),
  JWT_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  JWT_TTL: duration(1_000).default(unitMs.d),
  CURRENCY: z
    .string()
    .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as USD')
    .default('USD'),
  ORDER_STATUS_INTERVAL: duration(1).default(unitMs.h),
  ORDER_DELETE_AFTER: duration(0).default(unitMs.d),
  CACHE_TTL: duration(1).default(5 * unitMs.m),
  SHUTDOWN_TIMEOUT: duration(0).default(10 * unitMs.s),
  ADMIN_EMAIL: z.email().optional(),
  ADMIN_PASSWORD: z
    .string()
    .min(8, 'must have 8 to 128 characters')
    .max(128, 'must have 8 to 128 characters')
    .optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  TRUST_PROXY: integer(0, 16).default(0),
  CORS_ORIGINS: listOf(origin).default([]),
  METRICS_PORT: integer(0, 65_535).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http', 'https').optional(),
});

const requiredInProduction = ['DATABASE_URL', 'REDIS_URL', 'SMTP_URL', 'JWT_SECRET'] as const;

export type Settings = Readonly<ReturnType<typeof readSettings>>;

/** The environment holds settings that cannot be used; the message names every one of them. */
export class SettingsError extends Error {}

/**
 * Turns environment variables into the settings of a process (contract: "Running it").
 * Empty variables count as unset. Durations come out in milliseconds.
 * @throws {SettingsError} naming every fault at once
 */
export function readSettings(environment: Record<string, string | undefined> = process.env) {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = environmentSchema.safeParse(given);
  const faults = parsed.success ? [] : parsed.error.issues.map((issue) => `${String(issue.path[0])}: ${issue.message}`);
  const production = given.NODE_ENV === 'production';
  if (production) {
    faults.push(
      ...requiredInProduction
        .filter((name) => given[name] === undefined)
        .map((name) => `${name}: is required in production`),
    );
  }
  if (given.ADMIN_EMAIL !== undefined && given.ADMIN_PASSWORD === undefined) {
    faults.push('ADMIN_PASSWORD: is required with ADMIN_EMAIL');
  }
  if (!parsed.success || faults.length > 0) {
    throw new SettingsError(
      `The environment has ${faults.length} setting(s) to mend:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    );
  }
  const value = parsed.data;
  return Object.freeze({
    production,
    port: value.PORT,
    host: value.HOST,
    databaseUrl: value.DATABASE_URL,
    databaseReplicaUrls: value.DATABASE_REPLICA_URLS,
    redisUrl: value.REDIS_URL,
    smtpUrl: value.SMTP_URL,
    mailFrom: value.MAIL_FROM,
    jwtSecret: value.JWT_SECRET,
    jwtTtlMs: value.JWT_TTL,
    currency: value.CURRENCY,
    orderStatusIntervalMs: value.ORDER_STATUS_INTERVAL,
    orderDeleteAfterMs: value.ORDER_DELETE_AFTER,
    cacheTtlMs: value.CACHE_TTL,
    shutdownTimeoutMs: value.SHUTDOWN_TIMEOUT,
    adminEmail: value.ADMIN_EMAIL,
    adminPassword: value.ADMIN_PASSWORD,
    logLevel: value.LOG_LEVEL,
    trustProxyHops: value.TRUST_PROXY,
    corsOrigins: value.CORS_ORIGINS,
    metricsPort: value.METRICS_PORT,
    otlpEndpoint: value.OTEL_EXPORTER_OTLP_ENDPOINT,
  });
}
