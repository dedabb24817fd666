import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { YAML } from 'bun';
import packageJson from '../package.json' with { type: 'json' };
import { admin } from './support/client.ts';
import { readSource, shellBlocks } from './support/declared.ts';
import { type Shop, startShop } from './support/shop.ts';

const root = join(import.meta.dir, '..');
const guide = 'docs/deploy.md';

describe('Dockerfile', () => {
  const dockerfile = readSource('Dockerfile');

  test('takes the Bun of package.json › and is of this version', () => {
    expect(dockerfile).toContain(`/bun:${packageJson.devDependencies.bun}\n`);
    expect(dockerfile).toContain(`ARG VERSION=${packageJson.version}\n`);
  });

  test('leaves the architecture to the builder', () => {
    expect(dockerfile).toMatch(/^ARG TARGETARCH$/m);
  });

  test('copies nothing that .dockerignore keeps out', () => {
    const copies = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)];
    const files = copies.flatMap(([, names = '']) => names.split(' ')).map((file) => file.split('/')[0]);
    const letIn = [...readSource('.dockerignore').matchAll(/^!([\w.-]+)/gm)].map(([, file]) => file);
    expect(files).not.toBeEmpty();
    expect(files.filter((file) => !letIn.includes(file))).toEqual([]);
  });
});

describe(guide, () => {
  const commands = shellBlocks(guide).join('\n');
  const directory = mkdtempSync(join(tmpdir(), 'shop-guide-'));
  let shop: Shop;

  beforeAll(async () => {
    shop = await startShop({ workers: 0 });
  });
  afterAll(async () => {
    await shop.stop();
    rmSync(directory, { recursive: true });
  });

  /** Runs a block of the guide to its end, and answers what it printed. */
  async function run(block: string | undefined, typed = ''): Promise<string> {
    const shell = Bun.spawn(['sh', '-euc', block ?? 'exit 1'], {
      cwd: directory,
      stdin: new Blob([typed]),
      stdout: 'pipe',
      stderr: 'inherit',
    });
    const output = await shell.stdout.text();
    expect(await shell.exited).toBe(0);
    return output;
  }

  test('the secrets › are made new, and nothing else is changed', async () => {
    copyFileSync(join(root, '.env.example'), join(directory, '.env.example'));
    const [block] = shellBlocks(guide, 'One machine');
    await run(block);
    const made = readFileSync(join(directory, '.env'), 'utf8');
    for (const name of ['POSTGRES_PASSWORD', 'POSTGRES_APP_PASSWORD', 'REDIS_PASSWORD']) {
      expect(made).toMatch(new RegExp(`^${name}=[0-9a-f]{48}$`, 'm'));
    }
    for (const name of ['JWT_SECRET', 'TOKEN_SECRET']) {
      expect(made).toMatch(new RegExp(`^${name}=[0-9a-f]{64}$`, 'm'));
    }
    expect(made.replaceAll(/=[0-9a-f]{48,64}$/gm, '=')).toBe(readSource('.env.example'));
  });

  test('the first product › is added word for word', async () => {
    const block = shellBlocks(guide, 'One machine').find((each) => each.startsWith('API='));
    const here = block?.replace('http://127.0.0.1:3000', shop.url).replace('grace@example.com', admin.email);
    expect(await run(here, `${admin.password}\n`)).toMatch(/"name":"Enamel mug".*"stock":100/);
  });

  test('docker compose › is asked for services that there are', () => {
    const { services } = YAML.parse(readSource('compose.yaml')) as { services: Record<string, object> };
    const calls = [...commands.matchAll(/docker compose (\w+)((?: --?[\w=-]+)*)((?: \w[\w-]*)*)/g)];
    expect(calls.length).toBeGreaterThan(5);
    for (const [call, verb = '', options = '', words = ''] of calls) {
      const named = words.trim().split(' ').filter(Boolean);
      const ofServices = verb === 'run' || verb === 'exec' ? named.slice(0, 1) : named;
      const scaled = [...options.matchAll(/--scale=(\w+)=/g)].map(([, service = '']) => service);
      for (const service of [...ofServices, ...scaled]) expect([call, service in services]).toEqual([call, true]);
    }
  });

  test('kubectl › is asked for files and objects that there are', () => {
    const files = [...commands.matchAll(/(?:--filename=|--kustomize=|cp )(\S+)/g)].map(([, file = '']) => file);
    const missing = files.filter(
      (file) => !existsSync(join(root, file)) && !existsSync(join(root, file.replace('secret', 'secret.example'))),
    );
    expect(missing).toEqual([]);
    const manifests = ['api', 'migrate', 'worker']
      .map((name) => readSource(`deploy/kubernetes/${name}.yaml`))
      .join('\n');
    const objects = [...commands.matchAll(/\b(deployment|job)\/([\w-]+)/g)];
    expect(objects).not.toBeEmpty();
    for (const [, kind = '', name] of objects) {
      expect(manifests).toMatch(new RegExp(`^kind: ${kind}\nmetadata:\n {2}name: ${name}$`, 'im'));
    }
  });
});
