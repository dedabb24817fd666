import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '../../standalone/ports.ts';

/** A pass-through before a server on this machine, so that a test can take the server away and give it back. */
export type Link = {
  port: number;
  /** The server is down: open connections break, new ones are refused. */
  cut: () => Promise<void>;
  /** The server is stuck: connections are accepted and stay open, but nothing comes through. */
  hang: () => void;
  /** Ends an outage that `cut` or `hang` began. */
  restore: () => Promise<void>;
  /** Breaks the connections of this moment only. */
  drop: () => void;
  /** Lets nothing through the connections of this moment any more, as if their server had fallen off the network. */
  strand: () => void;
  /** Leads new connections to another port; those that are open stay where they are. */
  leadTo: (port: number) => void;
};

type Pair = { client: Socket; server: Socket };

/** Opens a link to a port of this machine. */
export async function openLink(firstPort: number): Promise<Link> {
  const port = await freePort();
  let targetPort = firstPort;
  const pairs = new Set<Pair>();
  let hanging = false;

  const listener = createServer((client) => {
    const pair = { client, server: connect(targetPort, '127.0.0.1') };
    pairs.add(pair);
    for (const socket of [pair.client, pair.server]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => breakPair(pair));
    }
    if (!hanging) flow(pair);
  });

  function flow({ client, server }: Pair): void {
    client.pipe(server);
    server.pipe(client);
  }

  function breakPair(pair: Pair): void {
    pairs.delete(pair);
    pair.client.destroy();
    pair.server.destroy();
  }

  function drop(): void {
    for (const pair of pairs) breakPair(pair);
  }

  function strand(): void {
    for (const { client, server } of pairs) {
      client.unpipe(server).pause();
      server.unpipe(client).pause();
    }
  }

  async function listen(): Promise<void> {
    listener.listen(port, '127.0.0.1');
    await once(listener, 'listening');
  }

  await listen();
  return {
    port,
    drop,
    async cut() {
      if (!listener.listening) return;
      listener.close();
      drop();
      await once(listener, 'close');
    },
    strand,
    leadTo(port) {
      targetPort = port;
    },
    hang() {
      hanging = true;
      strand();
    },
    async restore() {
      if (!listener.listening) await listen();
      if (!hanging) return;
      hanging = false;
      for (const pair of pairs) flow(pair);
    },
  };
}
