import { type AddressInfo, createServer, type Server } from 'node:net';

/**
 * Listens for an instant, to learn whether one can. Port 0 stands for any free port.
 * @returns the port that was free
 * @throws what listening throws, such as EADDRINUSE or EACCES
 */
export async function tryPort(host: string, port: number): Promise<number> {
  const server = await listen(host, port);
  const { port: free } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}

function listen(host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port }, () => resolve(server));
  });
}

const loopback = '127.0.0.1';
// Below those that systems hand out by themselves, so that nobody gets the port of a server that is down for a moment.
const portMin = 15_000;
const blocks = 340;
const blockSize = 50;

/** What is left of the block of ports that this process hands out. */
let left: number[] = [];
let opening: Promise<void> | undefined;

/** Takes a block that no other process hands out, by listening on its first port for as long as this one lives. */
async function openBlock(): Promise<void> {
  const first = portMin + blockSize * Math.floor(Math.random() * blocks);
  const mark = await listen(loopback, first).catch(() => null);
  if (!mark) return;
  mark.unref();
  left = Array.from({ length: blockSize - 1 }, (_, index) => first + 1 + index);
}

/** A port that nobody has been given before, so that two who look at the same moment do not find the same. */
async function nextPort(): Promise<number> {
  for (;;) {
    const port = left.shift();
    if (port !== undefined) return port;
    opening ??= openBlock().finally(() => {
      opening = undefined;
    });
    await opening;
  }
}

/** A free port of the loopback address: the preferred one, or some other when that is taken. */
export async function freePort(preferred?: number): Promise<number> {
  return tryPort(loopback, preferred ?? (await nextPort())).catch(() => freePort());
}
