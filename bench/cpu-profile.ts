import { median } from './statistics.ts';

/** The part of a V8 CPU profile, as `bun --cpu-prof` writes it, that is used here. Times are in microseconds. */
export type CpuProfile = {
  nodes: { id: number; callFrame: { url: string }; children?: number[] }[];
  /** Unix time. */
  startTime: number;
  /** The innermost node of each sample, and how long after the one before it was taken. */
  samples: number[];
  timeDeltas: number[];
};

/**
 * Shares the microseconds of a span of a profile out among the rooms of this repository and the packages: a sample
 * counts for the innermost frame of theirs. What runs outside of JavaScript, such as the server's own sockets, is not
 * sampled.
 * @param from Unix time in microseconds, like `to`
 */
export function microsByOwner(profile: CpuProfile, from: number, to: number): Map<string, number> {
  const owners = ownersOf(profile);
  const intervalUs = median(profile.timeDeltas);
  const micros = new Map<string, number>();
  let at = profile.startTime;
  for (const [index, node] of profile.samples.entries()) {
    at += profile.timeDeltas[index] ?? 0;
    if (at < from || at > to) continue;
    const owner = owners.get(node) ?? elsewhere;
    micros.set(owner, (micros.get(owner) ?? 0) + intervalUs);
  }
  return micros;
}

export const elsewhere = 'Bun';

function ownersOf({ nodes }: CpuProfile): Map<number, string> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const owners = new Map<number, string>();
  const [root] = nodes;
  const open = root ? [{ node: root, above: elsewhere }] : [];
  for (let next = open.pop(); next; next = open.pop()) {
    const owner = ownerOf(next.node.callFrame.url) ?? next.above;
    owners.set(next.node.id, owner);
    for (const id of next.node.children ?? []) {
      const node = byId.get(id);
      if (node) open.push({ node, above: owner });
    }
  }
  return owners;
}

/** Null for what is built in, which works for its caller. */
function ownerOf(url: string): string | null {
  const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  if (name !== undefined) return name;
  const [, room] = /\/(src\/(?:[\w-]+(?=\/)|[\w-]+\.ts)|index\.ts)/.exec(url) ?? [];
  return room ?? null;
}
