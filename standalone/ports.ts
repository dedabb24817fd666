import { type AddressInfo, createServer } from 'node:net';

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

// Below those that systems hand out by themselves, so that nobody gets the port of a server that is down for a moment.
const portMin = 15_000;
const portMax = 32_000;

function somePort(): number {
  return portMin + Math.floor(Math.random() * (portMax - portMin));
}

/** A free port of the loopback address: the preferred one, or some other when that is taken. */
export function freePort(preferred = somePort()): Promise<number> {
  return tryPort('127.0.0.1', preferred).catch(() => freePort());
}
