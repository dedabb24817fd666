import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import { createFetch, type Fetch } from './src/app.ts';
import { runProcess } from './src/process.ts';
import { openApiServices } from './src/services.ts';
import { readSettings } from './src/settings.ts';

/** Longer than any answer takes (Postgres is given up on before), so that the server never cuts one off. */
const idleTimeoutSeconds = 30;
const drainPollMs = 20;

type Server = {
  port: number;
  /** Requests whose answers are not yet written out. */
  unanswered: () => number;
  /** Stops accepting; with `force`, ends the connections that are left too. */
  stop: (force: boolean) => Promise<unknown>;
};

type Address = { hostname: string; port: number };

function listenOnBun(fetch: Fetch, { hostname, port }: Address): Server {
  const server = Bun.serve({
    hostname,
    port,
    development: false,
    // Outside of development Bun would share a port that another process has.
    reusePort: false,
    idleTimeout: idleTimeoutSeconds,
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

/** Node and Deno both speak `node:http`. */
function listenOnNode(fetch: Fetch, { hostname, port }: Address): Promise<Server> {
  return new Promise((resolve, reject) => {
    let unanswered = 0;
    const server = serve(
      {
        hostname,
        port,
        fetch: (request, { incoming, outgoing }) => {
          unanswered += 1;
          outgoing.once('close', () => {
            unanswered -= 1;
          });
          return fetch(request, { remoteAddress: incoming.socket.remoteAddress });
        },
      },
      (address) => resolve({ port: address.port, unanswered: () => unanswered, stop }),
    );
    server.once('error', reject);
    async function stop(force: boolean): Promise<void> {
      const closed = new Promise((done) => server.close(done));
      if (force && 'closeAllConnections' in server) server.closeAllConnections();
      await closed;
    }
  });
}

// Not awaited at the top level, because Bun can turn only programs without that into bytecode.
void runProcess(async (closing) => {
  const settings = readSettings();
  // Loaded only where it is wanted, because it brings a dozen packages that nothing else needs.
  const traces = settings.otlpEndpoint ? await import('./src/telemetry/traces.ts') : undefined;
  const services = openApiServices(settings);
  const stopTraces = traces?.startTraces(settings, 'shop-api', services.log);
  const fetch = createFetch(services, () => closing.aborted);
  const address = { hostname: settings.host, port: settings.port };
  const server = 'Bun' in globalThis ? listenOnBun(fetch, address) : await listenOnNode(fetch, address);
  services.log.info({ host: settings.host, port: server.port }, 'listening');
  return {
    log: services.log,
    timeoutMs: settings.shutdownTimeoutMs,
    stop: async () => {
      void server.stop(false);
      while (server.unanswered() > 0) await sleep(drainPollMs);
      await server.stop(true);
      await services.close();
      await stopTraces?.();
    },
  };
});
