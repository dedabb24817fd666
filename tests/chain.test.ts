import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../standalone/ports.ts';
import { type AppProcess, root, startProcess } from './support/app-process.ts';
import { request } from './support/client.ts';
import { operationsOf, readDocument } from './support/document.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually } from './support/wait.ts';

const refusal = 418;
const id = '019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3c';
/** What is no operation of the document. */
const others = ['GET /', 'GET /docs', 'GET /docs/scalar.js', 'GET /openapi.json', 'GET /nowhere', 'HEAD /api/products'];

const code = mkdtempSync(join(tmpdir(), 'shop-chain-'));
let shop: Shop;
let refusing: AppProcess;
let url: string;

/** Puts the code into a directory, with a middleware in front of all others that refuses every request. */
function copyWithRefusal(): void {
  for (const path of ['index.ts', 'package.json', 'tsconfig.json', 'src', 'drizzle']) {
    cpSync(join(root, path), join(code, path), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(code, 'node_modules'));
  const file = join(code, 'src/app.ts');
  const source = readFileSync(file, 'utf8');
  const changed = source.replace(
    /^ {2}app\.use\(/m,
    `  app.use(() => new Response(null, { status: ${refusal} }));\n$&`,
  );
  if (changed === source) throw new Error('src/app.ts has no middleware to put another one in front of.');
  writeFileSync(file, changed);
}

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  copyWithRefusal();
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const env = {
    HOST: '127.0.0.1',
    PORT: String(port),
    DATABASE_URL: shop.databaseUrl,
    REDIS_URL: shop.redisUrl,
    SMTP_URL: shop.smtpUrl,
  };
  refusing = startProcess('index.ts', env, join(process.env.TEST_LOGS ?? tmpdir(), `chain-${port}.log`), code);
  await eventually(() => refusing.log().some(({ msg }) => msg === 'listening'), { withinMs: 20_000 });
});

afterAll(async () => {
  await refusing?.kill();
  await shop?.stop();
  rmSync(code, { recursive: true });
});

describe('a middleware in front of all others', () => {
  describe('when it refuses every request', () => {
    test('is passed by none, whatever was answered before', async () => {
      const operations = operationsOf(await readDocument(shop.url));
      expect(operations.length).toBeGreaterThan(20);
      const answers: Record<string, number[]> = {};
      for (const operation of [...operations, ...others]) {
        const [method = '', path = ''] = operation.replace('{id}', id).split(' ');
        // More than once, because what has been kept may be answered elsewhere.
        const statuses = [1, 2, 3].map(async () => (await request(url, method, path)).status);
        answers[operation] = await Promise.all(statuses);
      }
      expect(answers).toEqual(
        Object.fromEntries([...operations, ...others].map((operation) => [operation, Array(3).fill(refusal)])),
      );
    });
  });
});
