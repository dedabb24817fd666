import {
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { ShopError } from './errors.ts';

export type { Span };

/** Does nothing, at next to no cost, until an entry point starts the export of traces. */
const tracer = trace.getTracer('shop');

/** Runs work in a span, below the one that is active; what it throws marks the span as failed. */
export function inSpan<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
  return tracer.startActiveSpan(name, options, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      // Not recorded as an exception: a database error's message carries SQL and parameters.
      span.setAttribute('error.type', error instanceof ShopError ? error.code : 'internal_error');
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** The same, but only below another span, because by itself it would tell nothing. */
export function inChildSpan<T>(name: string, options: SpanOptions, work: () => Promise<T>): Promise<T> {
  return trace.getActiveSpan() ? inSpan(name, options, work) : work();
}

/** The span that work of this moment belongs to, for work that others do for it later. */
export function activeSpan(): Span | undefined {
  return trace.getActiveSpan();
}

/**
 * Runs work that several spans wait for: in a span below the first of them that is recorded. The others and it are
 * linked, so that each leads to it.
 */
export function inSharedSpan<T>(name: string, waiting: (Span | undefined)[], work: () => Promise<T>): Promise<T> {
  const [host, ...guests] = waiting.filter((span): span is Span => span?.isRecording() === true);
  // Not in the trace of the request that happened to start this work.
  if (!host) return context.with(ROOT_CONTEXT, work);
  const links = guests.map((guest) => ({ context: guest.spanContext() }));
  const attributes = { 'shop.batch_size': waiting.length };
  return context.with(trace.setSpan(ROOT_CONTEXT, host), () =>
    inSpan(name, { links, attributes }, (shared) => {
      for (const guest of guests) guest.addLink({ context: shared.spanContext() });
      return work();
    }),
  );
}

/** Runs work under the trace that headers or a job have brought along, if they have. */
export function inTraceOf<T>(carrier: Record<string, string | undefined>, work: () => Promise<T>): Promise<T> {
  return context.with(propagation.extract(ROOT_CONTEXT, carrier), work);
}

/** What makes another process go on with this trace (W3C Trace Context), when there is one. */
export function currentTraceparent(): string | undefined {
  if (!trace.getActiveSpan()) return undefined;
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent;
}

/** The trace that log lines of this moment belong to. */
export function currentTrace(): { traceId?: string } {
  const traceId = trace.getActiveSpan()?.spanContext().traceId;
  return traceId === undefined ? {} : { traceId };
}
