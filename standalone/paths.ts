import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Everything that `start` keeps; without it the next start is a first one. */
export const dataDirectory = join(root, '.data');
