import { serve } from '@hono/node-server';
import type { Fetch } from './app.ts';

/** A server that listens. */
export type Server = {
  port: number;
  /** Requests whose answers are not yet written out. */
  unanswered: () => number;
  /** Stops accepting; with `force`, ends the connections that are left too. */
  stop: (force: boolean) => Promise<unknown>;
};

export type Address = { hostname: string; port: number };

/** Listens on Node or Deno, which both speak `node:http`. */
export function listenOnNode(fetch: Fetch, { hostname, port }: Address): Promise<Server> {
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
