import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { freePort } from '../../standalone/ports.ts';

/** A node of a plan that was run, as `explain (analyze, buffers, format json)` has it. */
export type PlanNode = {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  /** Left out where they are 0. */
  'Shared Hit Blocks'?: number;
  'Shared Read Blocks'?: number;
  Plans?: PlanNode[];
};

/** A statement that a process of the shop has run, and how. */
export type Recorded = { text: string; ms: number; plan: PlanNode };

export type Recorder = {
  port: number;
  /** What has been run since the last call. */
  take: () => Recorded[];
  close: () => Promise<void>;
};

const lengthBytes = 4;

/**
 * Opens a pass-through before Postgres that reads the plans which `auto_explain` sends along as notices, so that a plan
 * is the very one by which the running shop got its answer.
 */
export async function openRecorder(targetPort: number): Promise<Recorder> {
  const port = await freePort();
  let recorded: Recorded[] = [];
  const listener = createServer((client) => {
    const server = connect(targetPort, '127.0.0.1');
    const hear = messageReader((kind, body) => {
      const entry = kind === 'N' ? planIn(body) : null;
      if (entry) recorded.push(entry);
    });
    client.pipe(server);
    server.pipe(client);
    server.on('data', hear);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
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
    take() {
      const taken = recorded;
      recorded = [];
      return taken;
    },
    async close() {
      listener.close();
      await once(listener, 'close');
    },
  };
}

/** Cuts what the server sends into its messages: a letter, a length that counts itself, a body. */
function messageReader(onMessage: (kind: string, body: Buffer) => void): (chunk: Buffer) => void {
  let waiting = Buffer.alloc(0);
  return (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length > lengthBytes) {
      const end = 1 + waiting.readUInt32BE(1);
      if (waiting.length < end) return;
      onMessage(waiting.toString('latin1', 0, 1), waiting.subarray(1 + lengthBytes, end));
      waiting = waiting.subarray(end);
    }
  };
}

/** A notice is a list of fields, each a letter and its text; `M` is the message. */
function planIn(notice: Buffer): Recorded | null {
  const message = notice
    .toString('utf8')
    .split('\0')
    .find((field) => field.startsWith('M'));
  const [, ms, json] = /^Mduration: ([\d.]+) ms {2}plan:\n(.*)$/s.exec(message ?? '') ?? [];
  if (!json) return null;
  const { 'Query Text': text, Plan: plan } = JSON.parse(json) as { 'Query Text': string; Plan: PlanNode };
  return { text: text.replaceAll(/\s+/g, ' ').trim(), ms: Number(ms), plan };
}

/** What makes a database send the plan of everything that is run in it; it counts for new connections. */
export const recordingSettings: Record<string, string> = {
  session_preload_libraries: 'auto_explain',
  'auto_explain.log_min_duration': '0',
  'auto_explain.log_analyze': 'on',
  'auto_explain.log_buffers': 'on',
  'auto_explain.log_timing': 'off',
  'auto_explain.log_format': 'json',
  'auto_explain.log_level': 'notice',
};
