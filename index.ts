import { setTimeout as sleep } from 'node:timers/promises';
import { createApp } from './src/app.ts';
import { answerHeadAsGet } from './src/middleware/head.ts';
import { openApiServices } from './src/processes/api.ts';
import type { Fetch, Listening, Server } from './src/processes/listen-on-node.ts';
import { runProcess } from './src/processes/process.ts';
import { openLog } from './src/processes/shared.ts';
import { readSettingsOf } from './src/settings.ts';
import { serveOperators } from './src/telemetry/listen.ts';

/** How long a request may take to come and to be answered, which none does. */
const requestSecondsMax = 30;
/** Bun looks at its connections every 4 s, so a time may be over that much too early. */
const bunTickSeconds = 4;
const bunIdleSecondsMax = 255;
/** How long connections that are kept alive are still answered after the signal, to hear that they are over. */
const lastWordMsMax = 1_000;
const drainPollMs = 20;

function listenOnBun(fetch: Fetch, { hostname, port, keepAliveMs }: Listening): Server {
  const idleSeconds = Math.min(Math.ceil(keepAliveMs / 1_000) + bunTickSeconds, bunIdleSecondsMax);
  let openUntil = 0;
  const server = Bun.serve({
    hostname,
    port,
    development: false,
    // Outside of development Bun would share a port that another process has.
    reusePort: false,
    idleTimeout: idleSeconds,
    // The app refuses what is too large, much earlier, and in its own words.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: (request, server) => {
      if (request.headers.get('connection') !== 'close') openUntil = performance.now() + idleSeconds * 1_000;
      const answer = () => fetch(withOrigin(request), { remoteAddress: server.requestIP(request)?.address });
      const mayBeCutOff = idleSeconds < requestSecondsMax;
      if (!mayBeCutOff && (request.method === 'GET' || request.method === 'HEAD')) return answer();
      // What Bun counts is one time for a body to come, for its answer, and for the next request.
      server.timeout(request, requestSecondsMax);
      return Promise.resolve(answer()).finally(() => server.timeout(request, idleSeconds));
    },
  });
  return {
    port: server.port ?? port,
    unanswered: () => server.pendingRequests,
    // Bun does not tell; nor can it stop listening without closing them, so it goes on and each answer says `close`.
    hasConnections: () => performance.now() < openUntil,
    refuseConnections: () => {},
    stop: (force) => server.stop(force),
  };
}

/** Without a usable Host header, which HTTP/1.0 does not demand, Bun's URL is a mere path. */
function withOrigin(request: Request): Request {
  return request.url.startsWith('/') ? new Request(`http://localhost${request.url}`, request) : request;
}

// Not awaited at the top level, because Bun can turn only programs without that into bytecode.
void runProcess(async ({ closing, closers }) => {
  const settings = readSettingsOf('api');
  // Loaded only where it is wanted, because it brings a dozen packages that nothing else needs.
  const traces = settings.otlpEndpoint ? await import('./src/telemetry/traces.ts') : undefined;
  const log = openLog(settings, 'api');
  if (traces) closers.add('traces', traces.startTraces(settings, 'shop-api', log));
  const services = openApiServices(settings, log, closers);
  const { readiness, scrape, metrics } = services;
  const answers = { readiness: () => readiness(() => closing.aborted), scrape, contentType: metrics.contentType };
  await serveOperators(settings, answers, log, closers);
  const fetch = answerHeadAsGet(createApp(services, () => closing.aborted).fetch);
  const listening = {
    hostname: settings.host,
    port: settings.port,
    keepAliveMs: settings.keepAliveTimeoutMs,
    requestMs: requestSecondsMax * 1_000,
  };
  // Loaded where it is needed, because Bun would spend a tenth of its start on it.
  const node = 'Bun' in globalThis ? undefined : await import('./src/processes/listen-on-node.ts');
  const server = node ? await node.listenOnNode(fetch, listening) : listenOnBun(fetch, listening);
  closers.add('requests under way', async () => {
    server.refuseConnections();
    const until = performance.now() + Math.min(lastWordMsMax, settings.shutdownTimeoutMs / 2);
    while (performance.now() < until && (await server.hasConnections())) await sleep(drainPollMs);
    void server.stop(false);
    while (server.unanswered() > 0) await sleep(drainPollMs);
    await server.stop(true);
  });
  log.info({ host: settings.host, port: server.port }, 'listening');
  return { log, timeoutMs: settings.shutdownTimeoutMs };
});
