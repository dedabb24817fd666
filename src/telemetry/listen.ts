import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

type Address = { host: string; port: number };

/** Where a process that serves nobody else can be asked how it is. */
export type MetricsServer = { port: number; close: () => void };

/**
 * Listens for `GET /metrics` and `GET /healthz`.
 * @throws when the address cannot be had
 */
export async function serveMetrics(
  scrape: () => Promise<string>,
  contentType: string,
  { host, port }: Address,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string) => {
      response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(body);
    };
    const path = request.method === 'GET' ? request.url?.split('?')[0] : undefined;
    if (path === '/healthz') answer(200, 'application/json', '{"status":"ok"}');
    else if (path === '/metrics') {
      scrape().then(
        (body) => answer(200, contentType, body),
        () => answer(500, 'text/plain', 'The metrics cannot be told.'),
      );
    } else answer(404, 'text/plain', 'There is nothing at this address.');
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
