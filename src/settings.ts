import { z } from 'zod';
import { minorUnitDigits } from './lib/currencies.ts';
import { emailAddress } from './lib/email-address.ts';
import { mailbox } from './lib/mailbox.ts';
import { webTargets } from './lib/web-targets.ts';
import { password } from './schema/passwords.ts';

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const durationMsMax = 3_650 * unitMs.d;

function duration(minimumMs: number, maximumMs = durationMsMax) {
  return z.string().transform((text, context) => {
    const [, amount, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
    const ms = Number(amount) * unitMs[unit as keyof typeof unitMs];
    if (Number.isNaN(ms) || ms < minimumMs || ms > maximumMs) {
      context.addIssue(`must be a duration such as 250ms, 2s, 5m, 1h or 1d, from ${minimumMs}ms to ${maximumMs}ms`);
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

/** Whether a mail server has to offer TLS; `offered` takes it where it is. */
export type MailTls = 'required' | 'offered' | 'never';
export type MailServer = { url: string; tls: MailTls };

const mailServer = url('smtp', 'smtps').transform((text, context): MailServer => {
  const { protocol, username, password, searchParams } = new URL(text);
  const asked = searchParams.getAll('tls');
  if (asked.length === 0) return { url: text, tls: username || password ? 'required' : 'offered' };
  if (protocol === 'smtps:' || asked.some((value) => value !== 'never')) {
    context.addIssue('may only say tls=never, and only with smtp://');
    return z.NEVER;
  }
  // Cut out of the text: to write the whole URL again could change the rest of it.
  const [address = '', query = ''] = text.split(/\?(.*)/s);
  const rest = query.split('&').filter((part) => !part.startsWith('tls='));
  return { url: rest.length > 0 ? `${address}?${rest.join('&')}` : address, tls: 'never' };
});

export type RedisNode = { host: string; port: number };
export type RedisLogin = { username: string; password: string };

/** Where Redis is: one server, a Cluster that has these nodes, or a primary that these Sentinels know by a name. */
export type RedisPlace =
  | { kind: 'server'; url: string }
  | { kind: 'cluster'; nodes: RedisNode[]; login: RedisLogin; tls: boolean }
  | {
      kind: 'sentinel';
      nodes: RedisNode[];
      name: string;
      database: number;
      login: RedisLogin;
      sentinelLogin: RedisLogin;
      tls: boolean;
    };

const redisPorts = { cluster: 6379, sentinel: 26379 };

const redisServer = url('redis', 'rediss').transform((text): RedisPlace => ({ kind: 'server', url: text }));
const redisNodes = z
  .string()
  .transform(readRedisNodes)
  .pipe(z.custom<RedisPlace>((place) => place !== null));
const redisPlace = z.union([redisServer, redisNodes], {
  error:
    'must be like redis://host:6379, redis+cluster://host:6379,host:6379 or redis+sentinel://host:26379,host:26379/name, with rediss for TLS',
});

/** Reads a URL of several hosts, in the forms that are most in use; there is no standard for them. */
function readRedisNodes(text: string): RedisPlace | null {
  const form = /^(rediss?)\+(cluster|sentinel):\/\/([^@/?#]*:[^@/?#]*@)?([^@/?#]+)([/?].*)?$/;
  const [, scheme, kind, user = '', hosts = '', rest = ''] = form.exec(text) ?? [];
  const single = `redis://${user}host${rest}`;
  if ((kind !== 'cluster' && kind !== 'sentinel') || !URL.canParse(single)) return null;
  const { username, password, pathname, searchParams, hash } = new URL(single);
  const nodes = hosts.split(',').map((host) => readRedisNode(host, redisPorts[kind]));
  const found = nodes.filter((node) => node !== null);
  const login = readRedisLogin(username, password);
  const { sentinel_username = '', sentinel_password = '', ...others } = Object.fromEntries(searchParams);
  if (found.length < nodes.length || !login || hash || Object.keys(others).length > 0) return null;
  const tls = scheme === 'rediss';
  if (kind === 'cluster') {
    return /^\/?$/.test(pathname) && searchParams.size === 0 ? { kind, nodes: found, login, tls } : null;
  }
  const [, name, database = 0] = /^\/([\w.-]+)(?:\/(\d{1,5}))?$/.exec(pathname) ?? [];
  const sentinelLogin = { username: sentinel_username, password: sentinel_password };
  return name ? { kind, nodes: found, name, database: Number(database), login, sentinelLogin, tls } : null;
}

function readRedisNode(text: string, defaultPort: number): RedisNode | null {
  const [, host, port = defaultPort] = /^([\w.-]+|\[[\da-f:.]+\])(?::(\d{1,5}))?$/i.exec(text) ?? [];
  if (!host || Number(port) < 1 || Number(port) > 65_535) return null;
  return { host: host.replaceAll(/[[\]]/g, ''), port: Number(port) };
}

/** Takes what a URL has percent-encoded; null when that stands for nothing. */
function readRedisLogin(username: string, password: string): RedisLogin | null {
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    return null;
  }
}

function integer(minimum: number, maximum: number) {
  return z
    .string()
    .regex(/^\d{1,10}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(minimum).max(maximum));
}

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

/** The address of a page of the shop's, with a place for the token that its mail brings. */
const linkTemplate = z.string().refine((text) => {
  const link = text.replaceAll('{token}', 'token');
  if (link === text || !URL.canParse(link)) return false;
  const { protocol, host } = new URL(link);
  return /^https?:$/.test(protocol) && text.toLowerCase().startsWith(`${protocol}//${host}`);
}, 'must be a URL that starts with http:// or https:// and has {token} in it');

const environmentSchema = z.object({
  NODE_ENV: z.string().optional(),
  PORT: integer(0, 65_535).default(3000),
  HOST: z.string().default('0.0.0.0'),
  DATABASE_URL: url('postgres', 'postgresql').optional(),
  DATABASE_REPLICA_URLS: listOf(url('postgres', 'postgresql')).default([]),
  REDIS_URL: redisPlace.optional(),
  SMTP_URL: mailServer.optional(),
  SMTP_CONNECTIONS: integer(1, 1_000).default(20),
  MAIL_FROM: mailbox.default({ name: 'Shop', address: 'shop@localhost' }),
  JWT_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  JWT_TTL: duration(1_000).default(unitMs.d),
  TOKEN_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  EMAIL_VERIFICATION: z.enum(['off', 'on']).default('off'),
  EMAIL_VERIFICATION_URL: linkTemplate.optional(),
  PASSWORD_RESET_URL: linkTemplate.optional(),
  CURRENCY: z
    .string()
    .refine((code) => minorUnitDigits(code) !== null, 'must be an ISO 4217 code such as USD')
    .default('USD'),
  ORDER_STATUS_INTERVAL: z
    .union([z.literal('never').transform(() => null), duration(1)], 'must be a duration such as 2s, 5m or 1h, or never')
    .default(unitMs.h),
  ORDER_DELETE_AFTER: duration(0).default(unitMs.d),
  CACHE_TTL: duration(1).default(5 * unitMs.m),
  SHIPPING_ADDRESS: z.enum(['optional', 'required']).default('optional'),
  MAIL_LANGUAGE: z.enum(['en', 'de']).default('en'),
  SHUTDOWN_TIMEOUT: duration(0).default(10 * unitMs.s),
  // The most that Bun can be told.
  KEEP_ALIVE_TIMEOUT: duration(unitMs.s, 255 * unitMs.s).default(75 * unitMs.s),
  ADMIN_EMAIL: emailAddress.optional(),
  ADMIN_PASSWORD: password.optional(),
  CUSTOMER_ERASE_AFTER: duration(0).optional(),
  ADMIN_TOTP: z.enum(['optional', 'required']).default('optional'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  REGISTRATIONS_PER_HOUR: integer(0, 1_000_000_000).default(100),
  UNVERIFIED_MAILS_PER_HOUR: integer(0, 1_000_000_000).default(60),
  WEBHOOK_TARGETS: z.enum(webTargets).default('public'),
  TRUST_PROXY: integer(0, 16).default(0),
  CORS_ORIGINS: listOf(origin).default([]),
  METRICS_PORT: integer(0, 65_535).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http', 'https').optional(),
});

/** In production nothing is sent in clear but what says so itself. */
function inProduction(server: MailServer, production: boolean): MailServer {
  return production && server.tls === 'offered' ? { ...server, tls: 'required' } : server;
}

/** What each process uses, and so must be told in production; `start` runs both of them. */
const requiredInProduction = {
  api: ['DATABASE_URL', 'REDIS_URL', 'JWT_SECRET', 'TOKEN_SECRET'],
  worker: ['DATABASE_URL', 'REDIS_URL', 'SMTP_URL', 'TOKEN_SECRET'],
  start: ['DATABASE_URL', 'REDIS_URL', 'SMTP_URL', 'JWT_SECRET', 'TOKEN_SECRET'],
  /** Commands say themselves what they cannot do without. */
  command: [],
} as const;

export type Process = keyof typeof requiredInProduction;

export type Settings = Readonly<ReturnType<typeof readSettings>>;

/** The environment holds settings that cannot be used; the message names every one of them. */
export class SettingsError extends Error {}

/**
 * Turns environment variables into the settings of a process (README, "Settings").
 * Empty variables count as unset. Durations come out in milliseconds.
 * @param reader which one asks, because it needs to be told no more than it uses
 * @throws {SettingsError} naming every fault at once
 */
export function readSettings(environment: Record<string, string | undefined> = process.env, reader: Process = 'start') {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = environmentSchema.safeParse(given);
  const faults = parsed.success ? [] : parsed.error.issues.map((issue) => `${String(issue.path[0])}: ${issue.message}`);
  const production = given.NODE_ENV === 'production';
  if (production) {
    faults.push(
      ...requiredInProduction[reader]
        .filter((name) => given[name] === undefined)
        .map((name) => `${name}: is required in production`),
    );
  }
  const makesAdmin = reader === 'api' || reader === 'start';
  if (makesAdmin && given.ADMIN_EMAIL !== undefined && given.ADMIN_PASSWORD === undefined) {
    faults.push('ADMIN_PASSWORD: is required with ADMIN_EMAIL');
  }
  if (!parsed.success || faults.length > 0) {
    throw new SettingsError(
      `The environment has ${faults.length} setting(s) to fix:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    );
  }
  const value = parsed.data;
  return Object.freeze({
    production,
    port: value.PORT,
    host: value.HOST,
    databaseUrl: value.DATABASE_URL,
    databaseReplicaUrls: value.DATABASE_REPLICA_URLS,
    redis: value.REDIS_URL,
    mailServer: value.SMTP_URL && inProduction(value.SMTP_URL, production),
    smtpConnections: value.SMTP_CONNECTIONS,
    mailFrom: value.MAIL_FROM,
    jwtSecret: value.JWT_SECRET,
    jwtTtlMs: value.JWT_TTL,
    tokenSecret: value.TOKEN_SECRET,
    verifiesEmails: value.EMAIL_VERIFICATION === 'on',
    emailVerificationUrl: value.EMAIL_VERIFICATION_URL,
    passwordResetUrl: value.PASSWORD_RESET_URL,
    currency: value.CURRENCY,
    /** Null when no order moves by itself. */
    orderStatusIntervalMs: value.ORDER_STATUS_INTERVAL,
    orderDeleteAfterMs: value.ORDER_DELETE_AFTER,
    cacheTtlMs: value.CACHE_TTL,
    shippingAddress: value.SHIPPING_ADDRESS,
    mailLanguage: value.MAIL_LANGUAGE,
    shutdownTimeoutMs: value.SHUTDOWN_TIMEOUT,
    keepAliveTimeoutMs: value.KEEP_ALIVE_TIMEOUT,
    adminEmail: value.ADMIN_EMAIL,
    adminPassword: value.ADMIN_PASSWORD,
    customerEraseAfterMs: value.CUSTOMER_ERASE_AFTER,
    adminTotp: value.ADMIN_TOTP,
    logLevel: value.LOG_LEVEL,
    registrationsPerHour: value.REGISTRATIONS_PER_HOUR,
    unverifiedMailsPerHour: value.UNVERIFIED_MAILS_PER_HOUR,
    webhookTargets: value.WEBHOOK_TARGETS,
    trustProxyHops: value.TRUST_PROXY,
    corsOrigins: value.CORS_ORIGINS,
    metricsPort: value.METRICS_PORT,
    otlpEndpoint: value.OTEL_EXPORTER_OTLP_ENDPOINT,
  });
}

/** The settings of a process out of its own environment, see `readSettings`. */
export function readSettingsOf(reader: Process): Settings {
  return readSettings(process.env, reader);
}
