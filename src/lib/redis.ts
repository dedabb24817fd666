import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import type { RedisPlace } from '../settings.ts';

/** A connection to Redis. A Cluster takes no command whose keys are in several slots. */
export type RedisClient = Redis | Cluster;

/** A cache that takes longer than this is slower than the query that it saves. */
const cacheTimeoutMs = 150;

const pause = (stepMs: number, msMax: number) => (attempts: number) => Math.min(attempts * stepMs, msMax);

/**
 * The cache gives up in milliseconds and never queues commands for a server that is away; a queue behind a request fails
 * fast, because the relay enqueues what it could not; a worker waits for as long as it takes.
 */
const profiles = {
  cache: {
    commandTimeout: cacheTimeoutMs,
    connectTimeout: 1_000,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: pause(50, 500),
  },
  request: {
    commandTimeout: 2_000,
    connectTimeout: 1_000,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    retryStrategy: pause(100, 1_000),
  },
  worker: {
    connectTimeout: 2_000,
    enableOfflineQueue: true,
    maxRetriesPerRequest: null,
    retryStrategy: pause(100, 1_000),
  },
} satisfies Record<string, RedisOptions>;

export type RedisProfile = keyof typeof profiles;

/**
 * Where another server may take over, one that is silent for this long is left, or its connections would outlive it.
 * A worker's silence is longer, because BullMQ waits for a job for 5 s at a time.
 */
const silenceMsMax = { cache: 2_000, request: 3_000, worker: 8_000 };

/** How a command goes on when the node of its slot is away; the cache does not wait for another one. */
const clusterProfiles = {
  cache: { retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 },
  request: { maxRedirections: 4 },
  worker: { maxRedirections: Number.POSITIVE_INFINITY },
} satisfies Record<RedisProfile, ClusterOptions>;

type PlaceOf<Kind extends RedisPlace['kind']> = Extract<RedisPlace, { kind: Kind }>;
type Listener = (error: Error) => void;

/** What is the same on every connection to a server that others may stand in for. */
function replaceable({ login, tls }: PlaceOf<'cluster' | 'sentinel'>, profile: RedisProfile) {
  return { ...login, ...(tls && { tls: {} }), socketTimeout: silenceMsMax[profile] };
}

function sentinelOptions(place: PlaceOf<'sentinel'>, profile: RedisProfile) {
  const { connectTimeout, retryStrategy } = profiles[profile];
  return {
    ...profiles[profile],
    ...replaceable(place, profile),
    name: place.name,
    db: place.database,
    sentinels: place.nodes,
    sentinelUsername: place.sentinelLogin.username,
    sentinelPassword: place.sentinelLogin.password,
    sentinelCommandTimeout: connectTimeout,
    sentinelRetryStrategy: retryStrategy,
    ...(place.tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
  };
}

function connectCluster(place: PlaceOf<'cluster'>, profile: RedisProfile, onError: Listener): Cluster {
  const { retryStrategy, enableOfflineQueue, ...options } = profiles[profile];
  const cluster = new Cluster(place.nodes, {
    ...clusterProfiles[profile],
    enableOfflineQueue,
    clusterRetryStrategy: retryStrategy,
    // It asks one node, and would wait for one that is stuck.
    enableReadyCheck: false,
    // Names are left to each connection: certificates are for names, and one that is unknown is no reason to give up.
    dnsLookup: (host, found) => found(null, host),
    redisOptions: { ...options, ...replaceable(place, profile) },
  });
  cluster.on('error', onError);
  cluster.on('node error', onError);
  return cluster;
}

/** Connects to Redis, wherever it is; errors of the connection go to `onError`, and pass. */
export function connectRedis(place: RedisPlace, profile: RedisProfile, onError: Listener): RedisClient {
  if (place.kind === 'cluster') return connectCluster(place, profile, onError);
  const redis =
    place.kind === 'server' ? new Redis(place.url, profiles[profile]) : new Redis(sentinelOptions(place, profile));
  redis.on('error', onError);
  return redis;
}

/** What BullMQ connects with: options for connections of its own, or a Cluster, which it never closes. */
export type QueueConnection = ReturnType<typeof queueConnection>;

function queueConnection(place: RedisPlace, profile: RedisProfile, onError: Listener) {
  if (place.kind === 'cluster') return connectCluster(place, profile, onError);
  if (place.kind === 'sentinel') return sentinelOptions(place, profile);
  return { url: place.url, ...profiles[profile] };
}

/** Opens what the queues of a process connect with; close it after them. */
export function openQueueConnection(
  place: RedisPlace,
  profile: Exclude<RedisProfile, 'cache'>,
  onError: Listener,
): { connection: QueueConnection; close: () => void } {
  const connection = queueConnection(place, profile, onError);
  return { connection, close: () => isCluster(connection) && connection.disconnect() };
}

export function isCluster(connection: object): connection is Cluster {
  return connection instanceof Cluster;
}

/** What ioredis says of a server that is out of reach, where it gives no code as Node's sockets do. */
const awayMessage =
  /^(?:Connection is closed|Command timed out|Socket timeout|Stream isn't writeable|Connection is aborted|Command aborted|connect ETIMEDOUT|Cluster is|Node is disconnected|Failed to refresh slots cache|None of startup nodes is available|All sentinels are unreachable|Reached the max retries per request limit|Too many Cluster redirections)/;

/** Whether an error of ioredis, or of what is built on it, says that Redis is out of reach or silent. */
export function isRedisAway(error: unknown): boolean {
  return error instanceof Error && awayMessage.test(error.message);
}

/** Whether Redis refused a command because its user may not use it; that lasts until somebody changes the user. */
export function isDenied(error: unknown): error is Error {
  return error instanceof Error && /\bNOPERM\b/.test(error.message);
}

/** What `INFO` answers; null when this user may not ask for it, undefined when nobody answers or a Cluster would. */
export async function askInfo(place: RedisPlace): Promise<string | null | undefined> {
  if (place.kind === 'cluster') return undefined;
  // It is asked as soon as there is a connection.
  const options = { enableReadyCheck: false, enableOfflineQueue: true };
  const redis =
    place.kind === 'server'
      ? new Redis(place.url, { ...profiles.request, ...options })
      : new Redis({ ...sentinelOptions(place, 'request'), ...options });
  redis.on('error', () => {});
  try {
    return await redis.info('server');
  } catch (error) {
    return isDenied(error) ? null : undefined;
  } finally {
    redis.disconnect();
  }
}
