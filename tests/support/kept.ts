import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './app-process.ts';

const place = join(root, 'node_modules/.cache/shop-tests');
const keptMs = 2 * 24 * 3_600_000;

/** What the files below some paths of this project hold, as one hash. */
export function hashOf(paths: string[]): string {
  const hasher = new Bun.CryptoHasher('sha256');
  for (const path of paths) {
    const inside = statSync(join(root, path)).isDirectory()
      ? (readdirSync(join(root, path), { recursive: true }) as string[]).map((name) => join(path, name)).sort()
      : [path];
    for (const file of inside.filter((name) => statSync(join(root, name)).isFile())) {
      hasher
        .update(`${file}\0`)
        .update(readFileSync(join(root, file)))
        .update('\0');
    }
  }
  return hasher.digest('hex').slice(0, 16);
}

/**
 * Answers a directory that `make` has filled, in this run or in one before. Several runs may ask at once, and one that
 * is cut off leaves nothing that is taken for whole.
 * @param hash of all that goes into it
 */
export async function kept(name: string, hash: string, make: (directory: string) => Promise<void>): Promise<string> {
  const directory = join(place, `${name}-${hash}`);
  mkdirSync(place, { recursive: true });
  if (existsSync(directory)) {
    const now = new Date();
    utimesSync(directory, now, now);
    return directory;
  }
  const draft = mkdtempSync(`${directory}.draft-`);
  try {
    await make(draft);
    renameSync(draft, directory);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // Somebody else may have been faster.
    if (!existsSync(directory)) throw error;
  }
  for (const other of readdirSync(dirname(directory)).map((each) => join(place, each))) {
    if (Date.now() - statSync(other).mtimeMs > keptMs) rmSync(other, { recursive: true, force: true });
  }
  return directory;
}
