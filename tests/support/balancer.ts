import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '../../standalone/ports.ts';

/** One address before several servers on this machine. */
export type Balancer = { url: string; close: () => Promise<void> };

/** Opens an address whose connections lead to each of the ports in turn. */
export async function openBalancer(targetPorts: number[]): Promise<Balancer> {
  const port = await freePort();
  const open = new Set<Socket>();
  let turn = 0;
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    const target = targetPorts[turn % targetPorts.length] ?? 0;
    turn += 1;
    const server = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        open.delete(socket);
        if (!socket.readableEnded) other.destroy();
      });
      socket.pipe(other);
    }
  });
  listener.listen(port, '127.0.0.1');
  await once(listener, 'listening');
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      listener.close();
      for (const socket of open) socket.destroy();
      await once(listener, 'close');
    },
  };
}
