import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { Scalar } from '@scalar/hono-api-reference';
import { type Context, Hono } from 'hono';
import { NONCE, type SecureHeadersVariables } from 'hono/secure-headers';
import { parseAccept } from 'hono/utils/accept';
import { streamBytes } from '../lib/stream-bytes.ts';
import type { AppEnv } from '../middleware/env.ts';
import { answers } from '../middleware/problem.ts';

type DocsEnv = AppEnv & { Variables: SecureHeadersVariables };

const scriptPath = '/docs/scalar.js';
const scriptFile = new URL('./assets/scalar.js.gz', import.meta.url);

const introduction = `
Errors are problem documents (RFC 9457). Programs should look at \`code\`:

| code | status | meaning |
| --- | --- | --- |
${Object.entries(answers)
  .map(([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`)
  .join('\n')}

Money is in minor units (\`priceCents\`), times are RFC 3339 in UTC, ids are UUIDv7.

A query parameter that is empty, or a flag that is \`false\`, is as if it were not sent. E-mail addresses are ASCII.
`;

/** A large body that is the same for everyone, in both forms. */
type Asset = { plain: Uint8Array; gzip: Uint8Array };

/** Answers an asset in the form that the caller takes, without work for each request and without a copy for each. */
function answerAsset(c: Context, { plain, gzip }: Asset, headers: Record<string, string>): Response {
  const accepted = parseAccept(c.req.header('accept-encoding') ?? '');
  const takes = (encoding: string) =>
    ((accepted.find(({ type }) => type === encoding) ?? accepted.find(({ type }) => type === '*'))?.q ?? 0) > 0;
  const packed = takes('gzip');
  const body = packed ? gzip : plain;
  return c.body(streamBytes(body), 200, {
    ...headers,
    'Content-Length': String(body.byteLength),
    ...(packed && { 'Content-Encoding': 'gzip' }),
    // Otherwise `compress` would work on it, each time.
    ...(!packed && takes('deflate') && { 'Cache-Control': `${headers['Cache-Control']}, no-transform` }),
  });
}

/** The OpenAPI document of the routes, and a page that shows it with nothing but this server. */
export function docsRoutes(api: OpenAPIHono<AppEnv>) {
  let document: Asset | undefined;
  let script: Asset | undefined;
  const describe = () =>
    api.getOpenAPI31Document({
      openapi: '3.1.0',
      info: { title: 'Shop API', version: '1.0.0', description: introduction },
      servers: [{ url: '/' }],
      tags: ['Accounts', 'Products', 'Customers', 'Orders', 'Stock', 'Mails', 'Webhooks'].map((name) => ({ name })),
    });
  const describeOnce = () => {
    const plain = new TextEncoder().encode(JSON.stringify(describe()));
    return { plain, gzip: gzipSync(plain) };
  };
  const readScript = () => {
    const gzip = readFileSync(scriptFile);
    return { plain: gunzipSync(gzip), gzip };
  };
  return new Hono<DocsEnv>()
    .get('/', (c) => c.redirect('/docs'))
    .get('/openapi.json', (c) => {
      document ??= describeOnce();
      return answerAsset(c, document, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache' });
    })
    .get(scriptPath, (c) => {
      script ??= readScript();
      return answerAsset(c, script, {
        'Content-Type': 'text/javascript; charset=utf-8',
        'Cache-Control': 'public, max-age=86400',
      });
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
