import { afterEach, describe, expect, test } from 'bun:test';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { mailOutbox } from '../domain/outbox/kinds.ts';
import { type Mailbox, readMailbox } from '../lib/mailbox.ts';
import type { MailMessage } from './mail-page.tsx';
import { createMailer } from './mailer.ts';

const shop = { name: 'Shop', address: 'shop@example.com' };

const message = {
  to: { name: 'Ada', address: 'ada@example.com' },
  subject: 'Hello',
  html: '<p>Hello</p>',
  text: 'Hello',
  messageId: '<1@example.com>',
  headers: {},
};

const open: { close: () => unknown }[] = [];

afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

type Given = { sent?: MailMessage; from?: Mailbox };

/** Sends a message to a mail server that behaves so. */
async function sendTo(options: SMTPServerOptions, { sent = message, from = shop }: Given = {}) {
  const server = new SMTPServer({ disabledCommands: ['AUTH', 'STARTTLS'], disableReverseLookup: true, ...options });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as { port: number };
  const mailer = createMailer({ url: `smtp://127.0.0.1:${port}`, tls: 'offered' }, from, 20);
  open.push(mailer, server);
  return mailer.send(sent, performance.now());
}

/** The bytes that a mail server is handed. */
async function bytesOf(given: Given): Promise<Buffer> {
  const parts: Buffer[] = [];
  const onData: SMTPServerOptions['onData'] = (stream, _session, done) => {
    stream.on('data', (part: Buffer) => parts.push(part)).on('end', () => done());
  };
  expect(await sendTo({ onData }, given)).toBeNull();
  return Buffer.concat(parts);
}

/** What `smtp-server` turns into an answer with this code. */
const refusal = (code: number, text = `Refused with ${code}`) => Object.assign(new Error(text), { responseCode: code });

describe('mailer.send', () => {
  describe('when the server takes the message', () => {
    test('finds no fault', async () => {
      const onData: SMTPServerOptions['onData'] = (stream, _session, done) => {
        stream.resume().on('end', () => done());
      };
      expect(await sendTo({ onData })).toBeNull();
    });
  });

  describe('when names are not what headers are made of', () => {
    test.each([
      'Müller, Söhne & Co <x@example.com>; "K.G."',
      '李小龍 🫖'.repeat(10),
      'a'.repeat(100),
      'ä'.repeat(100),
      '\\" <eve@example.com>, "',
      '=?utf-8?Q?eve?=',
      "O'Neil (eve@example.com)",
    ])('writes headers of short lines in ASCII that give them back: %s', async (name) => {
      const from = readMailbox('"Müllers, \\"Läden\\" 🫖" <shop@müller.test>') ?? shop;
      const to = { name, address: "o'neil&sons/ada=1@xn--e1afmkfd.xn--p1ai" };
      const bytes = await bytesOf({ sent: { ...message, to, subject: name }, from });
      const [head = ''] = bytes.toString('latin1').split('\r\n\r\n');
      expect(head).toMatch(/^[\x20-\x7e\r\n]+$/);
      for (const line of head.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);

      const mail = await simpleParser(bytes);
      // It shows domains in Unicode again.
      expect(mail.from?.value).toEqual([{ name: 'Müllers, "Läden" 🫖', address: 'shop@müller.test' }]);
      const recipients = [mail.to ?? []].flat().flatMap(({ value }) => value);
      expect(recipients).toEqual([
        { address: "o'neil&sons/ada=1@пример.рф", name: name.startsWith('=?') ? 'eve' : name },
      ]);
      for (const other of [mail.cc, mail.bcc, mail.replyTo]) expect(other).toBeUndefined();
    });
  });

  describe('when the server refuses', () => {
    const stages: [string, (code: number, text?: string) => SMTPServerOptions][] = [
      ['the sender', (code, text) => ({ onMailFrom: (_address, _session, done) => done(refusal(code, text)) })],
      ['the recipient', (code, text) => ({ onRcptTo: (_address, _session, done) => done(refusal(code, text)) })],
      [
        'the message',
        (code, text) => ({
          onData: (stream, _session, done) => {
            stream.resume().on('end', () => done(refusal(code, text)));
          },
        }),
      ],
    ];

    test.each([
      ['the recipient', 550, 'No such user', true],
      ['the recipient', 550, '5.1.1 No such user', true],
      ['the recipient', 552, '5.2.2 Mailbox full', true],
      ['the recipient', 553, 'Mailbox name not allowed', true],
      ['the recipient', 556, '5.1.10 Domain takes no mail', true],
      ['the message', 550, 'No', true],
      ['the message', 552, '5.3.4 Too big', true],
      ['the message', 554, '5.6.0 Cannot be read', true],
      ['the message', 554, 'Transaction failed', true],
      ['the sender', 552, '5.3.4 Too big', true],
      // Of the sender, who is the same for all mails.
      ['the sender', 550, 'Refused', false],
      ['the sender', 553, '5.7.1 Not owned by user', false],
      ['the recipient', 550, '5.1.8 Domain of the sender not found', false],
      // Of the session.
      ['the sender', 500, 'What', false],
      ['the sender', 501, '5.5.4 Syntax', false],
      ['the sender', 503, '5.5.1 Sequence', false],
      ['the recipient', 503, 'Sequence', false],
      ['the message', 503, 'Sequence', false],
      ['the sender', 521, 'Host accepts no mail', false],
      ['the recipient', 530, '5.7.0 Sign in first', false],
      ['the recipient', 555, 'Unknown parameter', false],
      // Of policy, routes, and the server as such.
      ['the recipient', 554, '5.7.1 Relay access denied', false],
      ['the recipient', 550, '5.7.606 Banned for now', false],
      ['the message', 550, '5.7.1 Looks like spam', false],
      ['the message', 554, '5.3.0 Trouble', false],
      ['the recipient', 550, '5.4.1 No route', false],
    ] as const)('%s with %d %s › finds it a fault for good: %s', async (stage, code, text, permanent) => {
      const [, options] = stages.find(([name]) => name === stage) ?? [];
      const fault = await sendTo(options?.(code, text) ?? {});
      expect(fault).toEqual({ message: expect.stringContaining(text), permanent });
    });

    test.each(stages)('%s with 4xx › finds it a fault for now', async (_stage, options) => {
      expect(await sendTo(options(450))).toEqual({ message: expect.stringContaining('450'), permanent: false });
    });

    test('everyone with 5xx › finds it a fault for now, because it says nothing of the message', async () => {
      const fault = await sendTo({ onConnect: (_session, done) => done(refusal(554)) });
      expect(fault).toEqual({ message: expect.any(String), permanent: false });
    });
  });

  describe('when a line of the text is a dot, or begins with one', () => {
    test('hands it over as it is', async () => {
      const text = 'Hello\n.\n..\n.more\n';
      const bytes = await bytesOf({ sent: { ...message, text } });
      expect((await simpleParser(bytes)).text).toBe(text);
    });
  });

  test.each([530, 534, 535, 538])(
    'when the server asks for sign-in or TLS with %d › finds it a fault for now',
    async (code) => {
      const fault = await sendTo({ onMailFrom: (_address, _session, done) => done(refusal(code)) });
      expect(fault).toEqual({ message: expect.stringContaining(String(code)), permanent: false });
    },
  );

  describe('when there is no server', () => {
    test('finds it a fault for now', async () => {
      const mailer = createMailer({ url: 'smtp://127.0.0.1:1', tls: 'offered' }, shop, 20);
      open.push(mailer);
      expect(await mailer.send(message, performance.now())).toEqual({ message: expect.any(String), permanent: false });
    });
  });

  describe('when the server dribbles its answer to a command', () => {
    test('gives the message up before the lease on it ends, and sends nothing more of it', async () => {
      const stages = ['EHLO', 'MAIL FROM', 'RCPT TO', 'DATA', '.'];
      const outcomes = stages.map(async (stage) => {
        const server = await openDribbler(stage);
        const mailer = createMailer({ url: `smtp://127.0.0.1:${server.port}`, tls: 'never' }, shop, 20);
        open.push(mailer, server);
        const startedAt = performance.now();
        const fault = await mailer.send(message, performance.now());
        const inTime = performance.now() - startedAt < mailOutbox.leaseMs - 1_000;
        const heard = server.heard();
        server.letGo();
        await server.untilLeft();
        return {
          stage,
          inTime,
          permanent: fault === 'no turn' ? fault : fault?.permanent,
          reached: heard.at(-1),
          more: server.heard().slice(heard.length),
        };
      });
      expect(await Promise.all(outcomes)).toEqual(
        stages.map((stage) => ({
          stage,
          inTime: true,
          permanent: false,
          reached: expect.stringContaining(stage),
          more: [],
        })),
      );
    }, 30_000);
  });
});

/**
 * A mail server that begins its answer to a command (`.` is the end of a message) and never ends it, though it never
 * falls silent either; it is let go to end it at once.
 */
async function openDribbler(stage: string) {
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const dribbles = new Set<() => void>();
  const codes: Record<string, number> = { DATA: 354, QUIT: 221 };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.write('220 dribbler\r\n');
    let inMessage = false;
    let rest = '';
    socket.on('data', (data) => {
      const lines = (rest + data).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (inMessage && line !== '.') continue;
        commands.push(line);
        const code = codes[line] ?? 250;
        inMessage = line === 'DATA';
        if (line.startsWith(stage)) dribble(socket, code);
        else socket.write(`${code} fine\r\n`);
      }
    });
  });

  function dribble(socket: Socket, code: number): void {
    const timer = setInterval(() => socket.write(`${code}-and so on\r\n`), 250);
    const end = () => {
      clearInterval(timer);
      dribbles.delete(end);
    };
    dribbles.add(() => {
      end();
      socket.write(`${code} fine\r\n`);
    });
    socket.on('close', end);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    port,
    /** The commands that it was sent, as they stand. */
    heard: () => [...commands],
    letGo: () => {
      for (const end of dribbles) end();
    },
    untilLeft: async () => {
      while (sockets.size > 0) await sleep(10);
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
