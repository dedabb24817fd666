// What `npm run test:console` needs beside the shop: the driver and the judge of the pages, and a browser.

import { join } from 'node:path';
import { root } from '../support/app-process.ts';
import { installPackages } from '../support/packages.ts';
import { installedProgram } from '../support/programs.ts';

await installPackages(import.meta.dir);
await installedProgram('chromium', 'chromium');
// Only now can they be checked.
const types = Bun.spawn([join(root, 'node_modules/.bin/tsc'), '-p', import.meta.dir], {
  stdio: ['ignore', 'inherit', 'inherit'],
});
process.exit(await types.exited);
