import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

type Address = { host: string; port: number };

/** Where a process that serves nobody else can be asked how it is. */
export type MetricsServer = { port: number; close: () => void };

/**
 * Listens for `GET /metrics` and `GET /healthz`, and for HEAD likewise.
 * @throws when the address cannot be had
 */
export async function serveMetrics(
  scrape: () => Promise<string>,
  contentType: string,
  { host, port }: Address,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string) => {
      const headers = { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), 'Cache-Control': 'no-store' };
      response.writeHead(status, headers).end(body);
    };
    const reads = request.method === 'GET' || request.method === 'HEAD';
    const path = reads ? request.url?.split('?')[0] : undefined;
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
