import { setTimeout as sleep } from 'node:timers/promises';
import { createApp, type Fetch } from './src/app.ts';
import { createLog } from './src/foundation.ts';
import type { Address, Server } from './src/listen-on-node.ts';
import { runProcess } from './src/process.ts';
import { openApiServices } from './src/services.ts';
import { readSettingsOf } from './src/settings.ts';
import { serveOperators } from './src/telemetry/listen.ts';

/** Longer than any answer takes (Postgres is given up on before), so that the server never cuts one off. */
const idleTimeoutSeconds = 30;
const drainPollMs = 20;

function listenOnBun(fetch: Fetch, { hostname, port }: Address): Server {
  const server = Bun.serve({
    hostname,
    port,
    development: false,
    // Outside of development Bun would share a port that another process has.
    reusePort: false,
    idleTimeout: idleTimeoutSeconds,
    // The app refuses what is too large, much earlier, and in its own words.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: (request, server) => fetch(withOrigin(request), { remoteAddress: server.requestIP(request)?.address }),
  });
  return {
    port: server.port ?? port,
    unanswered: () => server.pendingRequests,
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
  const log = createLog(settings, 'api');
  if (traces) closers.add('traces', traces.startTraces(settings, 'shop-api', log));
  const services = openApiServices(settings, log, closers);
  const { fetch } = createApp(services, () => closing.aborted);
  const { readiness, scrape, metrics } = services;
  const answers = { readiness: () => readiness(() => closing.aborted), scrape, contentType: metrics.contentType };
  await serveOperators(settings, answers, log, closers);
  const address = { hostname: settings.host, port: settings.port };
  // Loaded where it is needed, because Bun would spend a tenth of its start on it.
  const node = 'Bun' in globalThis ? undefined : await import('./src/listen-on-node.ts');
  const server = node ? await node.listenOnNode(fetch, address) : listenOnBun(fetch, address);
  closers.add('requests under way', async () => {
    void server.stop(false);
    while (server.unanswered() > 0) await sleep(drainPollMs);
    await server.stop(true);
  });
  log.info({ host: settings.host, port: server.port }, 'listening');
  return { log, timeoutMs: settings.shutdownTimeoutMs };
});
