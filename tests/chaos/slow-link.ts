import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A pass-through whose server may move to another port, and whose every byte can be made late. */
export type SlowLink = {
  port: number;
  /** Where new connections lead. */
  leadTo: (port: number) => void;
  /** How late everything comes through, in both directions. */
  setDelay: (delayMs: number) => void;
  close: () => Promise<void>;
};

/** Opens a link on a free port of this machine. */
export async function openSlowLink(targetPort: number): Promise<SlowLink> {
  const sockets = new Set<Socket>();
  let target = targetPort;
  let delayMs = 0;

  /** What comes later never overtakes, not even when the delay ends in between. */
  function flow(from: Socket, to: Socket): void {
    let passed: Promise<unknown> = Promise.resolve();
    from.on('data', (bytes) => {
      if (delayMs > 0) passed = Promise.all([passed, sleep(delayMs)]);
      passed = passed.then(() => to.destroyed || to.write(bytes));
    });
  }

  const listener = createServer((client) => {
    const server = connect(target, '127.0.0.1');
    const pair = [client, server];
    for (const socket of pair) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        for (const either of pair) either.destroy();
        sockets.delete(socket);
      });
    }
    flow(client, server);
    flow(server, client);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');

  return {
    port: (listener.address() as AddressInfo).port,
    leadTo(port) {
      target = port;
    },
    setDelay(ms) {
      delayMs = ms;
    },
    async close() {
      const closed = once(listener, 'close');
      listener.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
