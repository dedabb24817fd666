import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Cache } from './cache/cache.ts';
import type { LoginThrottle } from './cache/login-throttle.ts';
import type { MailRequestThrottle } from './cache/mail-request-throttle.ts';
import type { RegistrationThrottle } from './cache/registration-throttle.ts';
import type { Reader, Transaction } from './db/client.ts';
import type { Replicas } from './db/replicas.ts';
import type { ProductRow } from './db/tables.ts';
import type { AccountStatus, Credential, KeyStatus } from './domain/customers/accounts.ts';
import type { PasswordQueues } from './domain/customers/password-queues.ts';
import type { OrderRequest, Placement } from './domain/orders/place.ts';
import type { OutboxQueue } from './jobs/queues.ts';
import type { Sealer } from './lib/sealing.ts';
import type { Readiness } from './schema/health.ts';
import type { Settings } from './settings.ts';
import type { ShopMetrics } from './telemetry/registry.ts';

/** What the routes work with. */
export type ApiServices = {
  settings: Settings & { jwtSecret: string; tokenSecret: string };
  log: Logger;
  metrics: Registry;
  /** What Prometheus is shown. Answers whatever is down, without what could not be asked for. */
  scrape: () => Promise<string>;
  ordersEntered: ShopMetrics['ordersEntered'];
  /** By this process' clock, for tokens alone: what processes compare goes by Postgres' clock. */
  now: () => Date;
  read: <T>(work: (reader: Reader) => Promise<T>) => Promise<T>;
  /** For lists that the cache lacks: a replica may answer, if it has all that the primary has. */
  readList: Replicas['read'];
  /** Commits before `endsAt` (by `performance.now()`), or does nothing; by default as late as a request may wait for Postgres. */
  transaction: <T>(work: (tx: Transaction) => Promise<T>, endsAt?: number) => Promise<T>;
  /** Who shows a token or a key, null when account, session or key has ended; reads that arrive together share one query. */
  findCaller: (credential: Credential) => Promise<AccountStatus | KeyStatus | null>;
  /** A product as it is now, deleted ones included, shared likewise. */
  findProduct: (id: string) => Promise<ProductRow | null>;
  /** Places an order with `placeOrders`, in a batch with those that come at the same time. */
  placeOrder: (request: OrderRequest) => Promise<Placement>;
  cache: Cache;
  passwords: PasswordQueues;
  /** For secrets of second factors. */
  sealer: Sealer;
  throttle: LoginThrottle;
  registrations: RegistrationThrottle;
  mailRequests: MailRequestThrottle;
  /** Mails of orders. */
  mails: Pick<OutboxQueue, 'enqueue'>;
  /** Mails of accounts, which somebody waits for. */
  accountMails: Pick<OutboxQueue, 'enqueue'>;
  /** Whether traffic may come, and what is down. */
  readiness: (draining: () => boolean) => Promise<Readiness>;
  /** Whether schema and first admin are there; once they are, they stay. */
  prepared: () => boolean;
};
