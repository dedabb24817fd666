import { OpenAPIHono } from '@hono/zod-openapi';
import { compress } from 'hono/compress';
import { cors } from 'hono/cors';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { requestId } from 'hono/request-id';
import { RegExpRouter } from 'hono/router/reg-exp-router';
import { secureHeaders } from 'hono/secure-headers';
import { ShopError, unavailable } from './errors.ts';
import { accessLog } from './routes/access-log.ts';
import { accountRoutes } from './routes/accounts.ts';
import { createGuards, createTokens } from './routes/auth.ts';
import type { ClientView } from './routes/client-view.ts';
import { customerRoutes } from './routes/customers.ts';
import { docsPolicy, docsRoutes } from './routes/docs.ts';
import type { AppEnv } from './routes/env.ts';
import { healthRoutes } from './routes/health.ts';
import { mailRoutes } from './routes/mails.ts';
import { refuseInvalid } from './routes/openapi.ts';
import { orderRoutes } from './routes/orders.ts';
import { withPlainProducts } from './routes/plain-products.ts';
import type { Fetch } from './routes/plain-reads.ts';
import { handleError, problem } from './routes/problem.ts';
import { productRoutes } from './routes/products.ts';
import { withReadyAnswers } from './routes/ready-answers.ts';
import { closeOnUnreadBody, limitBody } from './routes/request-body.ts';
import { requestMetrics } from './routes/request-metrics.ts';
import { traceRequests } from './routes/trace.ts';
import type { ApiServices } from './services.ts';

/** Answers are data: nothing in them may run, or be framed (OWASP REST Security Cheat Sheet). */
const apiHeaders = {
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  xFrameOptions: 'DENY',
};

/** What `hc` types a client by. */
export type App = ClientView<ReturnType<typeof createApp>>;

export type { Fetch };

/** What a server calls for every request: the app, and before it what answers plain reads without it. */
export function createFetch(services: ApiServices, draining: () => boolean): Fetch {
  const app = withReadyAnswers(createApp(services, draining).fetch, services, draining);
  return withPlainProducts(app, services, draining);
}

/** The whole API over its services. `draining` turns true when the process is about to end. */
export function createApp(services: ApiServices, draining: () => boolean = () => false) {
  const { log, metrics, settings } = services;
  const tokens = createTokens(services);
  const guards = createGuards(services, tokens);
  // Hono's fastest router. By default a route that it cannot hold would silently make all of them slower; so it throws.
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid, router: new RegExpRouter() });

  app.onError(handleError);
  app.notFound((c) => problem(c, new ShopError('not_found', 'There is nothing at this address.')));
  app.use(requestId());
  if (settings.otlpEndpoint) app.use('/api/*', traceRequests);
  app.use(accessLog(log));
  app.use(requestMetrics(metrics));
  app.use(closeOnUnreadBody);
  const secure = secureHeaders(apiHeaders);
  const secureDocs = secureHeaders({ ...apiHeaders, contentSecurityPolicy: docsPolicy });
  app.use((c, next) => (c.req.path === '/docs' ? secureDocs : secure)(c, next));
  app.use(async (c, next) => {
    // Before there is an answer: `compress` would add it to a copy of one.
    c.header('Vary', 'Accept-Encoding');
    await next();
    if (!c.res.headers.has('Cache-Control')) c.res.headers.set('Cache-Control', 'no-store');
    // So that nobody sends his next request to a process that is about to end.
    if (draining()) c.res.headers.set('Connection', 'close');
  });
  if (settings.corsOrigins.length > 0) {
    app.use(
      cors({
        origin: settings.corsOrigins.includes('*') ? '*' : settings.corsOrigins,
        exposeHeaders: ['ETag', 'Location', 'X-Request-Id', 'X-Cache', 'Idempotent-Replayed', 'Retry-After'],
      }),
    );
  }
  // Before methodNotAllowed, which replaces the answer but keeps its headers, Content-Encoding among them.
  app.use(compress());
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => {
        const refusal = new ShopError('method_not_allowed', `${c.req.method} is not possible here.`, {
          headers: { Allow: methods.join(', ') },
        });
        return problem(c, refusal);
      },
    }),
  );
  app.use('/api/*', async (_c, next) => {
    if (draining()) throw unavailable('The process is shutting down.');
    if (!services.prepared()) throw unavailable('The shop is still being prepared.');
    await next();
  });
  app.use(limitBody);
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
  });

  const routes = app
    .route('/', accountRoutes(services, guards, tokens))
    .route('/', productRoutes(services, guards))
    .route('/', customerRoutes(services, guards))
    .route('/', orderRoutes(services, guards))
    .route('/', mailRoutes(services, guards))
    .route('/', healthRoutes(services, draining));
  app.route('/', docsRoutes(app));
  return routes;
}
