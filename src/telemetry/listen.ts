import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Closers } from '../lib/closers.ts';
import type { Readiness } from '../schema/health.ts';
import type { Settings } from '../settings.ts';

/** What a process tells those who run it. */
export type OperatorAnswers = {
  readiness: () => Promise<Readiness>;
  scrape: () => Promise<string>;
  /** Of a scrape. */
  contentType: string;
};

type Answer = { status: number; type: string; body: string };

const json = (status: number, body: object): Answer => ({
  status,
  type: 'application/json',
  body: JSON.stringify(body),
});
const text = (status: number, body: string): Answer => ({ status, type: 'text/plain', body });

/**
 * Listens on `METRICS_PORT`, if it is set, for GET and HEAD of `/healthz`, `/readyz` and `/metrics`.
 * @throws when the address cannot be had
 */
export async function serveOperators(
  { host, metricsPort }: Settings,
  answers: OperatorAnswers,
  log: Logger,
  closers: Closers,
): Promise<void> {
  if (metricsPort === undefined) return;
  const server = createServer((request, response) => {
    const path = request.method === 'GET' || request.method === 'HEAD' ? request.url?.split('?')[0] : undefined;
    void answer(path, answers)
      .catch(() => text(500, 'This cannot be told.'))
      .then(({ status, type, body }) => {
        response.writeHead(status, {
          'Content-Type': type,
          'Content-Length': Buffer.byteLength(body),
          'Cache-Control': 'no-store',
          'X-Content-Type-Options': 'nosniff',
          'X-Request-Id': randomUUID(),
          ...(status === 503 && { 'Retry-After': '1' }),
        });
        response.end(request.method === 'HEAD' ? undefined : body);
      });
  });
  server.listen(metricsPort, host);
  await once(server, 'listening');
  closers.add('operators', () => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  log.info({ host, port, serves: 'operators' }, 'listening');
}

async function answer(path: string | undefined, { readiness, scrape, contentType }: OperatorAnswers): Promise<Answer> {
  if (path === '/healthz') return json(200, { status: 'ok' });
  if (path === '/readyz') {
    const found = await readiness();
    return json(found.status === 'unavailable' ? 503 : 200, found);
  }
  if (path === '/metrics') return { status: 200, type: contentType, body: await scrape() };
  return text(404, 'There is nothing at this address.');
}
