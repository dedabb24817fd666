import type { Room } from './mutant.ts';
import { cache } from './rooms/cache.ts';
import { clientPackage } from './rooms/client.ts';
import { db } from './rooms/db.ts';
import { deploy } from './rooms/deploy.ts';
import { audit } from './rooms/domain-audit.ts';
import { customers } from './rooms/domain-customers.ts';
import { orders } from './rooms/domain-orders.ts';
import { outbox } from './rooms/domain-outbox.ts';
import { products } from './rooms/domain-products.ts';
import { jobs } from './rooms/jobs.ts';
import { lib } from './rooms/lib.ts';
import { middleware } from './rooms/middleware.ts';
import { processes } from './rooms/processes.ts';
import { routes } from './rooms/routes.ts';
import { schema } from './rooms/schema.ts';
import { settings } from './rooms/settings.ts';
import { standalone } from './rooms/standalone.ts';
import { telemetry } from './rooms/telemetry.ts';
import { webhooks } from './rooms/webhooks.ts';

/** Every mutant, by the rooms of docs/architecture.md. */
export const rooms: Record<string, Room> = {
  settings: { paths: ['src/settings.ts'], mutants: settings },
  processes: { paths: ['src/processes', 'index.ts', 'worker.ts'], mutants: processes },
  middleware: { paths: ['src/middleware', 'src/app.ts', 'src/errors.ts'], mutants: middleware },
  routes: { paths: ['src/routes'], mutants: routes },
  schema: { paths: ['src/schema'], mutants: schema },
  'domain/orders': {
    paths: ['src/domain/orders', 'src/domain/idempotency.ts', 'src/domain/reports.ts', 'src/domain/exports.ts'],
    mutants: orders,
  },
  'domain/products': { paths: ['src/domain/products', 'src/domain/paging.ts'], mutants: products },
  'domain/customers': { paths: ['src/domain/customers'], mutants: customers },
  'domain/audit': { paths: ['src/domain/audit'], mutants: audit },
  'domain/outbox': { paths: ['src/domain/outbox'], mutants: outbox },
  webhooks: {
    paths: [
      ...['src/domain/webhooks', 'src/domain/outbox/webhook-deliveries.ts', 'src/lib/web-targets.ts'],
      ...['src/jobs/send-webhook.ts', 'src/jobs/webhook-post.ts'],
    ],
    mutants: webhooks,
  },
  db: { paths: ['src/db', 'drizzle', 'patches'], mutants: db },
  cache: { paths: ['src/cache'], mutants: cache },
  jobs: { paths: ['src/jobs'], mutants: jobs },
  telemetry: { paths: ['src/telemetry'], mutants: telemetry },
  lib: { paths: ['src/lib'], mutants: lib },
  standalone: { paths: ['standalone'], mutants: standalone },
  deploy: { paths: ['deploy'], mutants: deploy },
  client: { paths: ['clients/typescript'], mutants: clientPackage },
};
