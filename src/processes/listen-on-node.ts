import { Server as NetServer } from 'node:net';
import { serve } from '@hono/node-server';

/** What answers requests; `remoteAddress` is the peer's, which only the runtime's server knows. */
export type Fetch = (request: Request, env: { remoteAddress?: string }) => Response | Promise<Response>;

/** A server that listens. */
export type Server = {
  port: number;
  /** Requests whose answers are not yet written out. */
  unanswered: () => number;
  /** Whether there may be connections that are open. */
  hasConnections: () => boolean | Promise<boolean>;
  /** Accepts no more connections, where the runtime can do that and let idle ones be. */
  refuseConnections: () => void;
  /** Stops accepting, and closes connections that are idle; with `force`, those that are left too. */
  stop: (force: boolean) => Promise<unknown>;
};

/** Where to listen, how long an idle connection stays open, and how long a request may take to come. */
export type Listening = { hostname: string; port: number; keepAliveMs: number; requestMs: number };

/** How often Node looks for requests that take too long to come; its default would add half a minute. */
const checkMs = 1_000;

/** Listens on Node or Deno, which both speak `node:http`. */
export function listenOnNode(fetch: Fetch, { hostname, port, keepAliveMs, requestMs }: Listening): Promise<Server> {
  return new Promise((resolve, reject) => {
    let unanswered = 0;
    let closed: Promise<unknown> | undefined;
    const server = serve(
      {
        hostname,
        port,
        serverOptions: {
          keepAliveTimeout: keepAliveMs,
          headersTimeout: requestMs,
          requestTimeout: requestMs,
          connectionsCheckingInterval: checkMs,
        },
        fetch: async (request, { incoming, outgoing }) => {
          unanswered += 1;
          outgoing.once('close', () => {
            unanswered -= 1;
          });
          const response = await fetch(request, { remoteAddress: incoming.socket.remoteAddress });
          return incoming.method === 'HEAD' ? withoutBody(response) : response;
        },
      },
      (address) => {
        resolve({ port: address.port, unanswered: () => unanswered, hasConnections, refuseConnections, stop });
      },
    );
    server.once('error', reject);

    function hasConnections(): Promise<boolean> {
      return new Promise((known) => server.getConnections((error, count) => known(error !== null || count > 0)));
    }

    // That of `node:http` would close idle connections, too.
    function refuseConnections(): void {
      closed ??= new Promise((done) => NetServer.prototype.close.call(server, done));
    }

    async function stop(force: boolean): Promise<void> {
      refuseConnections();
      server.close();
      if (force && 'closeAllConnections' in server) server.closeAllConnections();
      await closed;
    }
  });
}

/**
 * An answer to HEAD: what it has for a body is not sent, but its length is told if it is there in one piece. `node:http`
 * would drop the body, too, but only after reading all of a stream.
 */
async function withoutBody(response: Response): Promise<Response> {
  const { body, status } = response;
  if (!body) return response;
  const headers = new Headers(response.headers);
  if (headers.has('Content-Length') || headers.has('Transfer-Encoding')) {
    await body.cancel();
    return new Response(null, { status, headers });
  }
  const reader = body.getReader();
  const first = await reader.read();
  const last = first.done ? first : await reader.read();
  if (last.done) headers.set('Content-Length', String(first.value?.length ?? 0));
  else await reader.cancel();
  return new Response(null, { status, headers });
}
