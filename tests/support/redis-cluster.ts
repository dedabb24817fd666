import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../standalone/ports.ts';
import { fieldsOf, type RedisNode, redisArguments, redisPassword, startRedisNode } from './redis-node.ts';
import { eventually } from './wait.ts';

export type RedisCluster = {
  /** For `REDIS_URL`; names every node. */
  url: string;
  /** The masters it begins with, in the order of their slots, then the replicas of each in turn. */
  nodes: RedisNode[];
  /** The nodes that have a key's slot. */
  nodesOf: (key: string) => Promise<{ master: RedisNode; replicas: RedisNode[] }>;
  /** Resolves once all nodes are up, all slots served, and all replicas as far as their masters. */
  untilWhole: () => Promise<void>;
  stop: () => Promise<void>;
};

type ClusterOptions = {
  masters?: number;
  /** Replicas of each master. */
  replicas?: number;
  /** For how long a node may be silent before the others hold it for lost, and let a replica take over. */
  nodeTimeoutMs?: number;
  /** Opens the way by which clients are to reach the node of a port, and answers its port. */
  announce?: (port: number) => Promise<number>;
};

const slots = 16_384;
const formingMsMax = 20_000;

/** Starts a Redis Cluster on free loopback ports, with a password, that keeps no data on disk. */
export async function startRedisCluster({
  masters = 3,
  replicas = 0,
  nodeTimeoutMs = 1_500,
  announce = async (port) => port,
}: ClusterOptions = {}): Promise<RedisCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'shop-redis-cluster-'));
  const busPorts = new Map<RedisNode, number>();
  const clientPorts = new Map<RedisNode, number>();

  async function startNode(): Promise<RedisNode> {
    const [port, busPort] = [await freePort(), await freePort()];
    const clientPort = await announce(port);
    const settings = {
      port,
      dir: directory,
      'cluster-enabled': 'yes',
      'cluster-port': busPort,
      'cluster-announce-port': clientPort,
      'cluster-config-file': `nodes-${port}.conf`,
      'cluster-node-timeout': nodeTimeoutMs,
      'repl-diskless-sync-delay': 0,
      requirepass: redisPassword,
      masterauth: redisPassword,
    };
    const node = await startRedisNode(port, redisArguments(settings), redisPassword);
    busPorts.set(node, busPort);
    clientPorts.set(node, clientPort);
    return node;
  }

  const nodes = await Promise.all(Array.from({ length: masters * (1 + replicas) }, startNode));

  async function untilWhole(): Promise<void> {
    for (const node of nodes) await eventually(() => seesAll(node, nodes.length), { withinMs: formingMsMax });
  }

  async function stop(): Promise<void> {
    await Promise.all(nodes.map((node) => node.kill()));
    rmSync(directory, { recursive: true, force: true });
  }

  try {
    await form(nodes, masters, busPorts);
    await untilWhole();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `redis+cluster://:${encodeURIComponent(redisPassword)}@${[...clientPorts.values()].map((port) => `127.0.0.1:${port}`).join()}`,
    nodes,
    nodesOf: async (key) => {
      for (const node of nodes) {
        const ports = await portsOf(key, node).catch(() => []);
        const [master, ...replicas] = ports.flatMap(
          (port) => nodes.find((found) => clientPorts.get(found) === port) ?? [],
        );
        if (master) return { master, replicas };
      }
      throw new Error('No node of the cluster answers.');
    },
    untilWhole,
    stop,
  };
}

/** Gives each master its share of the slots, makes all nodes known to each other, and the rest replicas. */
async function form(nodes: RedisNode[], masters: number, busPorts: Map<RedisNode, number>): Promise<void> {
  const [first] = nodes;
  if (!first) return;
  const boundary = (index: number) => Math.round((index * slots) / masters);
  for (const [index, node] of nodes.entries()) {
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    if (index < masters) {
      await node.command('CLUSTER', 'ADDSLOTSRANGE', boundary(index), boundary(index + 1) - 1);
    }
    if (node !== first) await first.command('CLUSTER', 'MEET', '127.0.0.1', node.port, busPorts.get(node) ?? 0);
  }
  for (const [index, node] of nodes.entries()) {
    const master = nodes[index % masters];
    if (index < masters || !master) continue;
    const id = String(await master.command('CLUSTER', 'MYID'));
    await eventually(() => node.command('CLUSTER', 'REPLICATE', id), { withinMs: formingMsMax });
    await eventually(async () => fieldsOf(await node.command('INFO', 'replication')).master_link_status === 'up', {
      withinMs: formingMsMax,
    });
  }
}

/** Whether a node finds that all are there, and is itself as it should be. */
async function seesAll(node: RedisNode, count: number): Promise<boolean> {
  const { cluster_state: state } = fieldsOf(await node.command('CLUSTER', 'INFO'));
  const others = String(await node.command('CLUSTER', 'NODES'))
    .trim()
    .split('\n');
  const { master_link_status: link } = fieldsOf(await node.command('INFO', 'replication'));
  const settled = others.every((line) => !/fail|handshake|noaddr|disconnected/.test(line));
  return state === 'ok' && others.length === count && settled && link !== 'down';
}

/** The ports of the nodes that have a key's slot, as a node sees them. */
async function portsOf(key: string, node: RedisNode): Promise<number[]> {
  const slot = Number(await node.command('CLUSTER', 'KEYSLOT', key));
  const ranges = (await node.command('CLUSTER', 'SLOTS')) as [number, number, ...[string, number][]][];
  const [, , ...owners] = ranges.find(([from, to]) => from <= slot && slot <= to) ?? [0, 0];
  return owners.map(([, port]) => port);
}
