// The least that any HTTP server on Bun could do for a list: the same bytes from memory, or from Redis with one GET.
// Reads PORT, BODY_FILE, and with REDIS_URL puts the bytes there first.

import { RedisClient } from 'bun';

const key = 'body';
const { PORT, BODY_FILE = '', REDIS_URL } = process.env;
const body = await Bun.file(BODY_FILE).text();
const headers = { 'Content-Type': 'application/json' };

function fromMemory(): Response {
  return new Response(body, { headers });
}

async function fromRedis(url: string): Promise<() => Promise<Response>> {
  const redis = new RedisClient(url);
  await redis.set(key, body);
  return async () => new Response(await redis.get(key), { headers });
}

const answer = REDIS_URL ? await fromRedis(REDIS_URL) : fromMemory;
Bun.serve({ hostname: '127.0.0.1', port: Number(PORT), development: false, fetch: () => answer() });
