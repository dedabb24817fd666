import { OpenAPIHono } from '@hono/zod-openapi';
import { cors } from 'hono/cors';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { requestId } from 'hono/request-id';
import { RegExpRouter } from 'hono/router/reg-exp-router';
import { secureHeaders } from 'hono/secure-headers';
import { ShopError, unavailable } from './errors.ts';
import { createGuards, createTokens } from './middleware/auth.ts';
import { compressLarge } from './middleware/compress-large.ts';
import type { AppEnv } from './middleware/env.ts';
import { requireOneHost } from './middleware/host.ts';
import { observeRequests } from './middleware/observe-requests.ts';
import { refuseInvalid } from './middleware/openapi.ts';
import { handleError, problem } from './middleware/problem.ts';
import { closeOnUnreadBody, limitBody } from './middleware/request-body.ts';
import { responseCache } from './middleware/response-cache.ts';
import { traceRequests } from './middleware/trace.ts';
import { accountRoutes } from './routes/accounts.ts';
import { auditEventRoutes } from './routes/audit-events.ts';
import { consolePolicy, consoleRoutes } from './routes/console.ts';
import { customerRoutes } from './routes/customers.ts';
import { docsPolicy, docsRoutes } from './routes/docs.ts';
import { exportRoutes } from './routes/exports.ts';
import { healthRoutes } from './routes/health.ts';
import { keyRoutes } from './routes/keys.ts';
import { mailRoutes } from './routes/mails.ts';
import { mediaRoutes } from './routes/media.ts';
import { orderRoutes } from './routes/orders.ts';
import { productRoutes } from './routes/products.ts';
import { recoveryRoutes } from './routes/recovery.ts';
import { reportRoutes } from './routes/reports.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { stockChangeRoutes } from './routes/stock-changes.ts';
import { describeWebhooks, webhookRoutes } from './routes/webhooks.ts';
import type { ApiServices } from './services.ts';

/** Answers are data: nothing in them may run, or be framed (OWASP REST Security Cheat Sheet). */
const apiHeaders = {
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  xFrameOptions: 'DENY',
};

/** What pages of other origins may read of an answer beside its content. */
const headersForScripts = [
  ...['Allow', 'ETag', 'Idempotent-Replayed', 'Location', 'Retry-After', 'WWW-Authenticate', 'X-Cache', 'X-Request-Id'],
  ...['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'],
];
/** The longest that any browser keeps a preflight but Firefox. */
const preflightSecondsMax = 7_200;

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
  app.use(observeRequests(log, metrics));
  app.use(
    '/api/products',
    responseCache(services.cache, () => services.prepared() && !draining()),
  );
  app.use(closeOnUnreadBody);
  const secure = secureHeaders(apiHeaders);
  const secureDocs = secureHeaders({ ...apiHeaders, contentSecurityPolicy: docsPolicy });
  const secureConsole = secureHeaders({ ...apiHeaders, contentSecurityPolicy: consolePolicy });
  const secureMedia = secureHeaders({ ...apiHeaders, crossOriginResourcePolicy: 'cross-origin' });
  /** Two pages run scripts of theirs; pictures are for the pages of other origins, too. */
  function secureAt(path: string) {
    if (path === '/docs') return secureDocs;
    if (path === '/console' || path.startsWith('/console/')) return secureConsole;
    return path.startsWith('/media/') ? secureMedia : secure;
  }
  app.use(async (c, next) => {
    // Before there is an answer: `compress` would add it to a copy of one.
    c.header('Vary', 'Accept-Encoding');
    const { path } = c.req;
    await secureAt(path)(c, next);
    if (!c.res.headers.has('Cache-Control')) c.res.headers.set('Cache-Control', 'no-store');
    // So that nobody sends their next request to a process that is about to end.
    if (draining()) c.res.headers.set('Connection', 'close');
  });
  app.use(requireOneHost);
  if (settings.corsOrigins.length > 0) {
    app.use(
      cors({
        origin: settings.corsOrigins.includes('*') ? '*' : settings.corsOrigins,
        exposeHeaders: headersForScripts,
        // A preflight allows whatever headers it asks for, since no cookie goes along.
        allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
        maxAge: preflightSecondsMax,
      }),
    );
  }
  app.use('/api/*', (_c, next) => {
    if (draining()) throw unavailable('The process is shutting down.');
    if (!services.prepared()) throw unavailable('The shop is still being prepared.');
    return next();
  });
  // Before methodNotAllowed, which replaces the answer but keeps its headers, Content-Encoding among them.
  app.use(compressLarge);
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => {
        const refusal = new ShopError('method_not_allowed', `${c.req.method} is not possible here.`, {
          allowedMethods: methods,
        });
        return problem(c, refusal);
      },
    }),
  );
  app.use(limitBody);
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'shop_…',
    description: 'A key for programs, with the scope that is named.',
  });

  const routes = app
    .route('/', accountRoutes(services, guards, tokens))
    .route('/', recoveryRoutes(services, guards))
    .route('/', productRoutes(services, guards))
    .route('/', customerRoutes(services, guards))
    .route('/', orderRoutes(services, guards))
    .route('/', mailRoutes(services, guards))
    .route('/', sessionRoutes(services, guards))
    .route('/', keyRoutes(services, guards))
    .route('/', auditEventRoutes(services, guards))
    .route('/', stockChangeRoutes(services, guards))
    .route('/', exportRoutes(services, guards))
    .route('/', reportRoutes(services, guards))
    .route('/', mediaRoutes())
    .route('/', webhookRoutes(services, guards))
    .route('/', healthRoutes(services, draining));
  describeWebhooks(app);
  app.route('/', docsRoutes(app, settings));
  app.route('/', consoleRoutes());
  return routes;
}
