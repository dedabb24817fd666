import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { createMiddleware } from 'hono/factory';
import { routePath } from 'hono/route';
import { inSpan, inTraceOf } from '../telemetry/spans.ts';
import type { AppEnv } from './env.ts';
import { methodOf } from './head.ts';

/**
 * A span for the request, in the caller's trace if it has one. Nothing goes into it of headers, body or query, where
 * words that were searched for may be personal.
 */
export const traceRequests = createMiddleware<AppEnv>((c, next) => {
  const method = methodOf(c);
  const attributes = { 'http.request.method': method, 'url.path': c.req.path, 'shop.request_id': c.get('requestId') };
  const carrier = { traceparent: c.req.header('traceparent'), tracestate: c.req.header('tracestate') };
  return inTraceOf(carrier, () =>
    inSpan(method, { kind: SpanKind.SERVER, attributes }, async (span) => {
      await next();
      const route = routePath(c);
      span.updateName(`${method} ${route}`);
      span.setAttributes({ 'http.route': route, 'http.response.status_code': c.res.status });
      if (c.res.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    }),
  );
});
