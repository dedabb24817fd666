import { DiagLogLevel, diag } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Logger } from 'pino';
import type { Settings } from '../settings.ts';
import { version } from './version.ts';

const reasonCharactersMax = 500;

/**
 * Sends the spans of this process to a collector (OTLP over HTTP, as JSON), in batches and in the background. A
 * collector that is away loses spans and holds up nothing.
 * @returns what sends the rest and ends it
 */
export function startTraces({ otlpEndpoint = '' }: Settings, serviceName: string, log: Logger): () => Promise<void> {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    spanProcessors: [
      new BatchSpanProcessor(new OTLPTraceExporter({ url: `${otlpEndpoint.replace(/\/+$/, '')}/v1/traces` })),
    ],
  });
  provider.register();
  const ignore = () => {};
  const tell = (reason: string) =>
    log.warn({ reason: reason.slice(0, reasonCharactersMax) }, 'traces could not be delivered');
  diag.setLogger({ error: tell, warn: ignore, info: ignore, debug: ignore, verbose: ignore }, DiagLogLevel.ERROR);
  return () => provider.shutdown().catch(ignore);
}
