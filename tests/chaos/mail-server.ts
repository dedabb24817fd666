import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/**
 * How the server treats its callers: `unacknowledged` keeps the message and breaks the connection before it says so,
 * `takes one` connection and greets all others with 421, `hangs` and `hangs up` happen in the middle of a message, which is then not kept.
 */
export type MailBehaviour =
  | 'accepts'
  | 'refuses'
  | 'greets with 554'
  | 'hangs'
  | 'hangs up'
  | 'unacknowledged'
  | 'takes one'
  | 'is away';

/** A message that the server has kept. */
export type Delivery = {
  messageId: string;
  orderId: string;
  run: number;
  status: string;
  /** When it was kept, Unix ms. */
  at: number;
  /** Whether the sender was told so. */
  acknowledged: boolean;
};

export type ChaosMailServer = {
  url: string;
  deliveries: Delivery[];
  behave: (behaviour: MailBehaviour) => Promise<void>;
  stop: () => Promise<void>;
};

const endOfMessage = '\r\n.\r\n';

/** Starts a mail server that speaks just enough SMTP (RFC 5321, RFC 2920) to take mails, and to take them badly. */
export async function startChaosMailServer(): Promise<ChaosMailServer> {
  const deliveries: Delivery[] = [];
  const sockets = new Set<Socket>();
  let behaviour: MailBehaviour = 'accepts';

  function keep(message: string, acknowledged: boolean): void {
    // Admins are told of a webhook that is disabled, too.
    if (header(message, 'X-Order-Id') === '') return;
    deliveries.push({
      messageId: header(message, 'Message-ID'),
      orderId: header(message, 'X-Order-Id'),
      run: Number(header(message, 'X-Order-Run')),
      status: header(message, 'X-Order-Status'),
      at: Date.now(),
      acknowledged,
    });
  }

  function converse(socket: Socket): void {
    const say = (line: string) => socket.write(`${line}\r\n`);
    let unread = '';
    let inMessage = false;
    let recipients = 0;

    function takeMessage(message: string): void {
      inMessage = false;
      keep(message, behaviour !== 'unacknowledged');
      if (behaviour === 'unacknowledged') socket.destroy();
      else say('250 Kept');
    }

    function takeCommand(line: string): void {
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'MAIL' || verb === 'RSET') recipients = 0;
      if (verb === 'QUIT') socket.end('221 Bye\r\n');
      else if (verb === 'EHLO') say('250-chaos.test\r\n250 PIPELINING');
      else if (verb === 'RCPT' && behaviour === 'refuses') say('450 Try again later');
      else if (verb === 'RCPT') {
        recipients += 1;
        say('250 Fine');
      } else if (verb === 'DATA' && recipients === 0) say('554 No valid recipients');
      else if (verb === 'DATA') {
        inMessage = true;
        say('354 Go on');
      } else if (['HELO', 'MAIL', 'RSET', 'NOOP'].includes(verb)) say('250 Fine');
      else say('502 Not here');
    }

    function read(text: string): void {
      if (inMessage && behaviour === 'hangs') return;
      if (inMessage && behaviour === 'hangs up') {
        socket.destroy();
        return;
      }
      unread += text;
      while (!socket.destroyed) {
        const mark = inMessage ? endOfMessage : '\r\n';
        const end = unread.indexOf(mark);
        if (end < 0) return;
        const part = unread.slice(0, end);
        unread = unread.slice(end + mark.length);
        if (inMessage) takeMessage(part);
        else takeCommand(part);
      }
    }

    socket.setEncoding('latin1');
    socket.on('data', read);
    if (behaviour === 'greets with 554') socket.end('554 No service today\r\n');
    else if (behaviour === 'takes one' && sockets.size > 1) socket.end('421 Too many connections\r\n');
    else say('220 Ready');
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    converse(socket);
  });
  await listen(server, 0);
  const { port } = server.address() as AddressInfo;

  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `smtp://127.0.0.1:${port}`,
    deliveries,
    async behave(next) {
      const before = behaviour;
      behaviour = next;
      // Who is connected already has been greeted.
      if (['greets with 554', 'takes one', 'is away'].includes(next)) hangUp();
      if (next === 'is away') server.close();
      else if (before === 'is away') await listen(server, port);
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      hangUp();
      await closed;
    },
  };
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

function header(message: string, name: string): string {
  const [, value = ''] = new RegExp(`^${name}: *((?:.|\\r\\n[ \\t])*)`, 'im').exec(message) ?? [];
  return value.replace(/\r\n[ \t]+/g, ' ').trim();
}
