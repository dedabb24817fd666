import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './support/app-process.ts';
import { describeRuntime } from './support/runtimes.ts';

const present = existsSync(join(root, 'node_modules/@deno')) || Bun.which('deno') !== null;
describeRuntime('Deno', present, (entry) => ['sh', 'scripts/start-deno.sh', entry]);
