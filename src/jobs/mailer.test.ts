import { afterEach, describe, expect, test } from 'bun:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { createMailer } from './mailer.ts';

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

/** Sends the message to a mail server that behaves so. */
async function sendTo(options: SMTPServerOptions) {
  const server = new SMTPServer({ disabledCommands: ['AUTH', 'STARTTLS'], disableReverseLookup: true, ...options });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as { port: number };
  const mailer = createMailer({ url: `smtp://127.0.0.1:${port}`, tls: 'offered' }, 'Shop <shop@example.com>');
  open.push(mailer, server);
  return mailer.send(message);
}

/** What `smtp-server` turns into an answer with this code. */
const refusal = (code: number) => Object.assign(new Error(`Refused with ${code}`), { responseCode: code });

describe('mailer.send', () => {
  describe('when the server takes the message', () => {
    test('finds no fault', async () => {
      const onData: SMTPServerOptions['onData'] = (stream, _session, done) => {
        stream.resume().on('end', () => done());
      };
      expect(await sendTo({ onData })).toBeNull();
    });
  });

  describe('when the server refuses', () => {
    const stages: [string, (code: number) => SMTPServerOptions][] = [
      ['the sender', (code) => ({ onMailFrom: (_address, _session, done) => done(refusal(code)) })],
      ['the recipient', (code) => ({ onRcptTo: (_address, _session, done) => done(refusal(code)) })],
      [
        'the message',
        (code) => ({
          onData: (stream, _session, done) => {
            stream.resume().on('end', () => done(refusal(code)));
          },
        }),
      ],
    ];

    test.each(stages)('%s with 5xx › finds it a fault for good', async (_stage, options) => {
      expect(await sendTo(options(550))).toEqual({ message: expect.stringContaining('550'), permanent: true });
    });

    test.each(stages)('%s with 4xx › finds it a fault for now', async (_stage, options) => {
      expect(await sendTo(options(450))).toEqual({ message: expect.stringContaining('450'), permanent: false });
    });

    test('everyone with 5xx › finds it a fault for now, because it says nothing of the message', async () => {
      const fault = await sendTo({ onConnect: (_session, done) => done(refusal(554)) });
      expect(fault).toEqual({ message: expect.any(String), permanent: false });
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
      const mailer = createMailer({ url: 'smtp://127.0.0.1:1', tls: 'offered' }, 'shop@example.com');
      open.push(mailer);
      expect(await mailer.send(message)).toEqual({ message: expect.any(String), permanent: false });
    });
  });
});
