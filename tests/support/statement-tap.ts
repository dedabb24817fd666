import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '../../standalone/ports.ts';

/** A pass-through before a Postgres that knows what it was asked. */
export type StatementTap = {
  port: number;
  /** The text of every statement that was sent so far, as often as it was prepared. */
  statements: () => string[];
  close: () => void;
};

const parseMessage = 'P'.charCodeAt(0);
const queryMessage = 'Q'.charCodeAt(0);

/** Opens a tap before a port of this machine. It reads the protocol's messages, so there must be no TLS. */
export async function openStatementTap(targetPort: number): Promise<StatementTap> {
  const port = await freePort();
  const texts: string[] = [];
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const server = connect(targetPort, '127.0.0.1');
    const read = createReader(texts);
    client.on('data', read);
    client.pipe(server);
    server.pipe(client);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        server.destroy();
      });
    }
  });
  listener.listen(port, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port,
    statements: () => [...texts],
    close: () => {
      listener.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Takes a connection's bytes apart: the first message is without a type, the others have type, length and content. */
function createReader(texts: string[]): (data: Buffer) => void {
  let rest = Buffer.alloc(0);
  let begun = false;
  return (data) => {
    rest = Buffer.concat([rest, data]);
    for (;;) {
      const head = begun ? 1 : 0;
      if (rest.length < head + 4) return;
      const end = head + rest.readInt32BE(head);
      if (rest.length < end) return;
      const [first = '', second = ''] = rest.toString('utf8', head + 4, end).split('\0');
      if (begun && rest[0] === parseMessage) texts.push(second);
      if (begun && rest[0] === queryMessage) texts.push(first);
      begun = true;
      rest = rest.subarray(end);
    }
  };
}
