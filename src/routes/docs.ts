import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { Scalar } from '@scalar/hono-api-reference';
import { type Context, Hono } from 'hono';
import { NONCE, type SecureHeadersVariables } from 'hono/secure-headers';
import { describeApi } from '../middleware/api-document.ts';
import { type Asset, answerAsset } from '../middleware/assets.ts';
import { isFresh, revalidate } from '../middleware/conditional.ts';
import type { AppEnv } from '../middleware/env.ts';
import type { Settings } from '../settings.ts';

type DocsSettings = Pick<Settings, 'mailFrom' | 'trustProxyHops'>;
type DocsEnv = AppEnv & { Variables: SecureHeadersVariables };

const scriptPath = '/docs/scalar.js';
const scriptFile = new URL('./assets/scalar.js.gz', import.meta.url);

// Of the browser, where the page runs `goToAnchor`.
declare const document: { getElementById(id: string): { scrollIntoView(): void } | null };
declare const location: { hash: string };

/** The `type` of a problem leads to its line of the page, which is not there yet when the browser looks for it. */
const goToAnchor = () => document.getElementById(location.hash.slice(1))?.scrollIntoView();

/** What is asked for a document: the origin that it is read at is the server that it names. */
type Asked = Pick<Context<AppEnv>, 'req'>;

/** Stands in a document until it is known at which origin it is read. */
const someOrigin = 'https://origin.invalid';

/** Documents of the API, made when they are first read; one for each version of OpenAPI, for the last origin asked at. */
function createDocuments(api: OpenAPIHono<AppEnv>, settings: DocsSettings) {
  const made = new Map<string, Asset & { origin: string; etag: string }>();
  const texts = new Map<string, string>();

  /** Made once, because whoever asks chooses the origin, which may be another one each time. */
  function textOf(version: '3.1.0' | '3.0.3'): string {
    const known = texts.get(version);
    if (known !== undefined) return known;
    const text = JSON.stringify(describeApi(api, version, { origin: someOrigin, contact: settings.mailFrom }));
    texts.set(version, text);
    return text;
  }

  function originOf({ req }: Asked): string {
    const { protocol, host } = new URL(req.url);
    const forwarded = settings.trustProxyHops > 0 ? req.header('x-forwarded-proto') : undefined;
    return `${forwarded === 'https' ? 'https:' : protocol}//${host}`;
  }

  return (c: Asked, version: '3.1.0' | '3.0.3') => {
    const origin = originOf(c);
    const known = made.get(version);
    if (known?.origin === origin) return known;
    const plain = new TextEncoder().encode(
      textOf(version).replace(JSON.stringify(someOrigin), () => JSON.stringify(origin)),
    );
    const etag = `"${createHash('sha256').update(plain).digest('base64url')}"`;
    const document = { plain, gzip: gzipSync(plain), origin, etag };
    made.set(version, document);
    return document;
  };
}

/** The OpenAPI documents of the routes, and a page that shows them with nothing but this server. */
export function docsRoutes(api: OpenAPIHono<AppEnv>, settings: DocsSettings) {
  const documentOf = createDocuments(api, settings);
  let script: Asset | undefined;
  function answerDocument(c: Context<DocsEnv>, version: '3.1.0' | '3.0.3'): Response {
    const document = documentOf(c, version);
    c.header('ETag', document.etag);
    if (isFresh(c.req.header('if-none-match'), document.etag)) {
      revalidate(c);
      return c.body(null, 304);
    }
    return answerAsset(c, document, 'application/json', 'no-cache');
  }
  const readScript = () => {
    const gzip = readFileSync(scriptFile);
    return { plain: gunzipSync(gzip), gzip };
  };
  return new Hono<DocsEnv>()
    .get('/', (c) => c.redirect('/docs'))
    .get('/openapi.json', (c) => answerDocument(c, '3.1.0'))
    .get('/openapi-3.0.json', (c) => answerDocument(c, '3.0.3'))
    .get(scriptPath, (c) => {
      script ??= readScript();
      return answerAsset(c, script, 'text/javascript; charset=utf-8', 'max-age=86400');
    })
    .get(
      '/docs',
      Scalar<DocsEnv>((c) => ({
        url: '/openapi.json',
        cdn: scriptPath,
        nonce: c.get('secureHeadersNonce'),
        pageTitle: 'Shop API',
        withDefaultFonts: false,
        telemetry: false,
        // What follows would lead away from this server.
        showDeveloperTools: 'never',
        agent: { disabled: true },
        mcp: { disabled: true },
        onLoaded: goToAnchor,
      })),
    );
}

/** The page runs its own script and talks to its own server; its styles are inline by construction. */
export const docsPolicy = {
  defaultSrc: ["'none'"],
  scriptSrc: [NONCE],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:', 'blob:'],
  fontSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  workerSrc: ['blob:'],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};
