import { describe } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describeConnections } from './support/connections.ts';
import { describeShop, type Entry, spawnLogged } from './support/smoke.ts';

const root = join(import.meta.dir, '..');

const runtimes: { runtime: string; present: boolean; command: (entry: Entry) => string[] }[] = [
  { runtime: 'Bun', present: true, command: (entry) => [process.execPath, `${entry}.ts`] },
  {
    runtime: 'Node',
    present: Bun.which('node') !== null,
    command: (entry) => ['sh', 'scripts/start-node.sh', entry],
  },
  {
    runtime: 'Deno',
    present: existsSync(join(root, 'node_modules/@deno')) || Bun.which('deno') !== null,
    command: (entry) => ['sh', 'scripts/start-deno.sh', entry],
  },
];

for (const { runtime, present, command } of runtimes) {
  describe.skipIf(!present)(`on ${runtime}`, () => {
    describeShop('the shop', runtime, (entry, settings) =>
      spawnLogged(command(entry), `on-${runtime}-${entry}`, settings),
    );
    describeConnections(runtime, (settings, stdout) =>
      spawnLogged(command('index'), `connections-${runtime}-errors`, settings, stdout),
    );
  });
}
