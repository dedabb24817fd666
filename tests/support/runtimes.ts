import { describe } from 'bun:test';
import { describeConnections } from './connections.ts';
import { describeShop, type Entry, spawnLogged } from './smoke.ts';

/**
 * What a shop has to do on a runtime, for a file of tests of its own, because each takes half a minute.
 * @param command starts one of the processes from the sources
 */
export function describeRuntime(runtime: string, present: boolean, command: (entry: Entry) => string[]): void {
  describe.skipIf(!present)(`on ${runtime}`, () => {
    describeShop('the shop', runtime, (entry, settings) =>
      spawnLogged(command(entry), `on-${runtime}-${entry}`, settings),
    );
    describeConnections(runtime, (settings, stdout) =>
      spawnLogged(command('index'), `connections-${runtime}-errors`, settings, stdout),
    );
  });
}
