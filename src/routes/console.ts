import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Context, Hono } from 'hono';
import { ShopError } from '../errors.ts';
import { type Asset, answerAsset } from '../middleware/assets.ts';
import { isFresh, revalidate } from '../middleware/conditional.ts';
import type { AppEnv } from '../middleware/env.ts';

/** Where `scripts/build-console.sh` puts it. */
const directory = new URL('../../console/dist/', import.meta.url);
const pageName = 'index.html';
const assetsPath = 'assets/';

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

type File = Asset & { type: string; etag: string };

function readFiles(): Map<string, File> {
  const names = readdirSync(directory).filter((name) => extname(name) in types);
  return new Map(
    names.map((name) => {
      const plain = readFileSync(new URL(name, directory));
      const etag = `"${createHash('sha256').update(plain).digest('base64url')}"`;
      return [name, { plain, gzip: gzipSync(plain), type: types[extname(name)] ?? '', etag }];
    }),
  );
}

/** The operators' console. It is a client of the API like any other, so nobody has to be known to get it. */
export function consoleRoutes() {
  let files: Map<string, File> | undefined;
  function fileOf(name: string): File | undefined {
    try {
      files ??= readFiles();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
    return files?.get(name);
  }

  /** The same page at every address below, because it reads the address itself. */
  function answerPage(c: Context<AppEnv>): Response {
    const page = fileOf(pageName);
    if (!page) throw new ShopError('not_found', 'The console has not been built: run sh scripts/build-console.sh.');
    c.header('ETag', page.etag);
    if (isFresh(c.req.header('if-none-match'), page.etag)) {
      revalidate(c);
      return c.body(null, 304);
    }
    return answerAsset(c, page, page.type, 'no-cache');
  }

  function answerFile(c: Context<AppEnv>, name: string): Response {
    const file = name === pageName ? undefined : fileOf(name);
    if (!file) throw new ShopError('not_found', 'There is nothing at this address.');
    return answerAsset(c, file, file.type, 'max-age=31536000, immutable');
  }

  // One route for all below, because Hono's fastest router takes no fixed part beside a parameter.
  return new Hono<AppEnv>()
    .get('/console', answerPage)
    .get('/console/', answerPage)
    .get('/console/:path{.+}', (c) => {
      const path = c.req.param('path');
      return path.startsWith(assetsPath) ? answerFile(c, path.slice(assetsPath.length)) : answerPage(c);
    });
}

/** The page runs its own script and talks to its own server; pictures of products may be anywhere. */
export const consolePolicy = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:', 'https:'],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};
