import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { createTransport } from 'nodemailer';
import { type MailSink, startMailSink } from './mail-sink.ts';
import { eventually } from './wait.ts';

describe('startMailSink', () => {
  let sink: MailSink;

  beforeAll(async () => {
    sink = await startMailSink();
  });

  afterEach(() => {
    sink.become('accept');
    sink.messages.length = 0;
  });

  afterAll(() => sink.stop());

  function send(): Promise<unknown> {
    return createTransport(sink.url).sendMail({
      from: 'shop@example.com',
      to: 'Ada <ada@example.com>',
      subject: 'Grüße',
      text: 'plain',
      html: '<b>rich</b>',
      headers: { 'X-Order-Run': '1' },
    });
  }

  test('accepting › keeps the message with its headers', async () => {
    await send();
    expect(sink.messages).toHaveLength(1);
    expect(sink.messages[0]).toMatchObject({
      to: 'ada@example.com',
      subject: 'Grüße',
      text: 'plain',
      html: '<b>rich</b>',
    });
    expect(sink.messages[0]?.headers['x-order-run']).toBe('1');
  });

  test('refusing › answers the code and keeps nothing', async () => {
    sink.become({ refuseWith: 451 });
    expect(await send().catch((error) => error.responseCode)).toBe(451);
    expect(sink.messages).toEqual([]);
  });

  test('accepting unheard › keeps the message and breaks the connection', async () => {
    sink.become('accept unheard');
    expect(await send().catch((error) => error.message)).toContain('closed');
    expect(sink.messages).toHaveLength(1);
  });

  test('hanging › never answers', async () => {
    sink.become('hang');
    const before = sink.attempts();
    const outcome = send().catch((error) => error.message);
    await eventually(() => sink.attempts() > before);
    sink.link.drop();
    expect(await outcome).toContain('closed');
    expect(sink.messages).toEqual([]);
  });

  test('taken away › refuses connections until it is back', async () => {
    await sink.link.cut();
    expect(await send().catch((error) => error.code)).toBe('ESOCKET');
    await sink.link.restore();
    await send();
    expect(sink.messages).toHaveLength(1);
  });
});
