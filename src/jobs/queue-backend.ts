import { openQueueConnection, type QueueConnection, type RedisProfile } from '../lib/redis.ts';
import type { Settings } from '../settings.ts';

/** Where the queues live: Redis, or Postgres on a machine without one. */
export type QueueBackend =
  | {
      kind: 'redis';
      connection: QueueConnection;
      /** Set where the user of this shop may not ask for `INFO`; BullMQ then takes Redis for the oldest it can use. */
      skipVersionCheck: boolean;
    }
  | { kind: 'postgres'; url: string };

/** Opens what the queues of this shop stand on: Redis if there is one, else Postgres. Close it after what is in it. */
export function openQueueBackend(
  { redis }: Settings,
  databaseUrl: string,
  profile: Exclude<RedisProfile, 'cache'>,
  onError: (error: Error) => void,
): QueueBackend & { close: () => void } {
  if (!redis) return { kind: 'postgres', url: databaseUrl, close: () => {} };
  return { kind: 'redis', skipVersionCheck: false, ...openQueueConnection(redis, profile, onError) };
}
