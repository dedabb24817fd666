import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { Scalar } from '@scalar/hono-api-reference';
import { Hono } from 'hono';
import { NONCE, type SecureHeadersVariables } from 'hono/secure-headers';
import type { AppEnv } from './env.ts';
import { answers } from './problem.ts';

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
`;

/** The OpenAPI document of the routes, and a page that shows it with nothing but this server. */
export function docsRoutes(api: OpenAPIHono<AppEnv>) {
  let document: string | undefined;
  let script: Uint8Array | undefined;
  const describe = () =>
    api.getOpenAPI31Document({
      openapi: '3.1.0',
      info: { title: 'Shop API', version: '1.0.0', description: introduction },
      servers: [{ url: '/' }],
      tags: ['Accounts', 'Products', 'Customers', 'Orders', 'Mails'].map((name) => ({ name })),
    });
  return new Hono<DocsEnv>()
    .get('/', (c) => c.redirect('/docs'))
    .get('/openapi.json', (c) => {
      document ??= JSON.stringify(describe());
      return c.body(document, 200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache' });
    })
    .get(scriptPath, (c) => {
      script ??= readFileSync(scriptFile);
      const plain = !/\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
      return c.body(new Uint8Array(plain ? gunzipSync(script) : script), 200, {
        'Content-Type': 'text/javascript; charset=utf-8',
        'Cache-Control': 'public, max-age=86400',
        Vary: 'Accept-Encoding',
        ...(!plain && { 'Content-Encoding': 'gzip' }),
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
