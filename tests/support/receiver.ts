import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { freePort } from '../../standalone/ports.ts';
import { pause } from './wait.ts';

/** What a webhook was sent. */
export type ReceivedEvent = { path: string; headers: Record<string, string>; body: string };

/** What a receiver does with what it is sent, after it has kept it: answer, or never answer. */
export type ReceiverMode =
  | number
  | 'hang'
  | { status: number; headers?: Record<string, string>; body?: string; afterMs?: number };

/** A receiver of webhooks that keeps what it is sent. */
export type Receiver = {
  url: string;
  events: ReceivedEvent[];
  /** What it was sent of a type. */
  of: (type: string) => ReceivedEvent[];
  become: (mode: ReceiverMode) => void;
  /** How many requests wait for an answer, and how many did at most. */
  open: () => number;
  openMax: () => number;
  stop: () => Promise<void>;
};

export async function startReceiver(): Promise<Receiver> {
  const events: ReceivedEvent[] = [];
  const open = new Set<ServerResponse>();
  let openMax = 0;
  let mode: ReceiverMode = 204;

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    open.add(response);
    openMax = Math.max(openMax, open.size);
    response.on('close', () => open.delete(response));
    const body = await buffer(request);
    const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)]);
    events.push({ path: request.url ?? '', headers: Object.fromEntries(headers), body: body.toString() });
    if (mode === 'hang') return;
    const answer = typeof mode === 'number' ? { status: mode } : mode;
    if (answer.afterMs !== undefined) await pause(answer.afterMs);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  // Who goes away in mid-sentence is no fault of a test.
  const server = createServer((request, response) => void take(request, response).catch(() => {}));
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${port}`,
    events,
    of: (type) => events.filter(({ body }) => JSON.parse(body).type === type),
    become(next) {
      mode = next;
    },
    open: () => open.size,
    openMax: () => openMax,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
