import { connect } from 'node:net';
import { pause } from '../support/wait.ts';

/** A bare connection, for what no HTTP client would send. */
export type RawConnection = {
  send: (data: string | Uint8Array) => void;
  /** All that has come back so far, byte for byte. */
  received: () => string;
  /** Resolves when the connection is over, whichever side ended it, with how long it has lasted. */
  closed: Promise<number>;
  end: () => void;
};

/** Opens a bare connection to the server of a URL. */
export function openRaw(url: string): RawConnection {
  const startedAt = performance.now();
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (data) => {
    text += data.toString('latin1');
  });
  // A server that breaks off is one of the answers.
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  return {
    send: (data) => {
      if (socket.writable) socket.write(data);
    },
    received: () => text,
    closed: new Promise((resolve) => socket.on('close', () => resolve(performance.now() - startedAt))),
    end: () => socket.destroy(),
  };
}

const dawdleEveryMs = 200;

/** Begins a request, and goes on with `again`, if there is one, for as long as the connection lasts. */
export function dawdle(url: string, begin: string, again?: string): RawConnection {
  const connection = openRaw(url);
  connection.send(begin);
  const timer = setInterval(() => connection.send(again ?? ''), dawdleEveryMs);
  void connection.closed.then(() => clearInterval(timer));
  return connection;
}

type ExchangeOptions = {
  /** Waits for the server to break off, too. */
  untilClosed?: boolean;
  withinMs?: number;
};

/**
 * Sends bytes as they stand, waits for the answer, and gives back what came: the status of the first answer, or null
 * when the server broke off without one.
 */
export async function exchange(
  url: string,
  data: string | Uint8Array,
  { untilClosed = false, withinMs = 10_000 }: ExchangeOptions = {},
) {
  const connection = openRaw(url);
  let brokenOff = false;
  void connection.closed.then(() => {
    brokenOff = true;
  });
  connection.send(data);
  const endsAt = performance.now() + withinMs;
  const answered = () => !untilClosed && connection.received().includes('\r\n\r\n');
  while (!brokenOff && !answered() && performance.now() < endsAt) await pause(5);
  const result = { answer: connection.received(), brokenOff };
  connection.end();
  const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(result.answer) ?? [];
  return { ...result, status: status === undefined ? null : Number(status) };
}

/** What a quiet machine takes in less than a second. */
export const pouredBytesMax = 1_000_000_000;

/** Sends `block` after `head` for as long as the server takes it, and answers what came back and how much was taken. */
export async function pour(url: string, head: string, block: string): Promise<{ answer: string; sentBytes: number }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let answer = '';
  let sentBytes = 0;
  socket.on('data', (data) => {
    answer += data.toString('latin1');
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.write(head);
  const data = Buffer.from(block);
  while (!socket.destroyed && socket.writable && sentBytes < pouredBytesMax) {
    sentBytes += data.length;
    const flushed = new Promise<void>((resolve) => socket.write(data, () => resolve()));
    await Promise.race([flushed, closed]);
  }
  socket.destroy();
  return { answer, sentBytes };
}
