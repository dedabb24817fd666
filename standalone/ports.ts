import { createServer, type AddressInfo } from 'node:net';

/**
 * Listens for an instant, to learn whether one can. Port 0 stands for any free port.
 * @returns the port that was free
 * @throws what listening throws, such as EADDRINUSE or EACCES
 */
export function tryPort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port }, () => {
      const { port: free } = server.address() as AddressInfo;
      server.close(() => resolve(free));
    });
  });
}

/** A free port of the loopback address: the preferred one, or any other when that is taken. */
export function freePort(preferred = 0): Promise<number> {
  return tryPort('127.0.0.1', preferred).catch(() => tryPort('127.0.0.1', 0));
}
