import { freePort } from '../../standalone/ports.ts';
import { redisArguments, startRedisNode } from './redis-node.ts';

export type RedisServer = {
  url: string;
  pid: number;
  stop: () => Promise<void>;
};

/** Starts a Redis that keeps nothing on disk, on a free loopback port. */
export async function startRedis({ databases }: { databases: number }): Promise<RedisServer> {
  const port = await freePort();
  const node = await startRedisNode(port, redisArguments({ port, databases }));
  return { url: node.url, pid: node.pid(), stop: node.kill };
}
