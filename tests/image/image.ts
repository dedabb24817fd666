// What `npm run test:image` holds the image of IMAGE to, besides what every runtime has to pass. Needs podman and root.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { freePort } from '../../standalone/ports.ts';
import { signIn } from '../support/client.ts';
import { shellBlocks } from '../support/declared.ts';
import { type Shop, startShop } from '../support/shop.ts';
import { describeShop, type Started, spawnLogged } from '../support/smoke.ts';
import { openTestbed } from '../support/testbed.ts';

const image = process.env.IMAGE ?? 'localhost/shop';
const base = process.env.IMAGE_BASE ?? 'localhost/shop-base';
const grownBytesMax = 150_000_000;

/** As compose.yaml and the Deployments run it: nothing can be written, no capability is left, memory is short. */
const confinement = [
  '--read-only',
  '--read-only-tmpfs=false',
  '--cap-drop=all',
  '--security-opt=no-new-privileges',
  '--memory=256m',
  '--network=host',
  // Podman would raise these above what a machine that is itself confined may give.
  '--ulimit=nofile=1024:1024',
  '--ulimit=nproc=1024:1024',
];

function podman(...parts: string[]): string[] {
  return ['podman', '--runtime=runc', ...parts];
}

function containerCommand(name: string, command: string[], settings: Record<string, string>): string[] {
  const environment = Object.keys(settings).flatMap((setting) => ['--env', setting]);
  return podman('run', '--rm', `--name=${name}`, ...confinement, ...environment, image, ...command);
}

/** Starts a command of the image in a container of its own. */
function startContainer(command: string, settings: Record<string, string>): Started & { name: string } {
  const name = `shop-${randomUUID()}`;
  const client = spawnLogged(containerCommand(name, [command], settings), `image-${command}`, settings);
  const kill = () => outputOf(podman('rm', '--force', '--ignore', '--time=0', name));
  return { ...client, kill, name };
}

/** Runs a program to its end, and answers what it wrote. */
async function outputOf(command: string[], settings: Record<string, string> = {}, cwd = tmpdir()): Promise<string> {
  const child = Bun.spawn(command, { cwd, env: { ...process.env, ...settings }, stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, faults] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`${command.join(' ')}: ${output}${faults}`);
  return output;
}

type Inspected = {
  Size: number;
  Config: { User: string; Labels: Record<string, string>; Cmd: string[] };
  Healthcheck?: { Test: string[] };
};

async function inspect(name: string): Promise<Inspected> {
  const [found] = JSON.parse(await outputOf(podman('image', 'inspect', name)));
  return found;
}

describe('the image', () => {
  describeShop('confined to what it needs', 'Bun', (entry, settings) =>
    startContainer(entry === 'index' ? 'serve' : 'work', { ...settings, NODE_ENV: 'production' }),
  );

  test('is small › no user but its own › says what it is', async () => {
    const { Size, Config, Healthcheck } = await inspect(image);
    expect(Size - (await inspect(base)).Size).toBeLessThan(grownBytesMax);
    expect(Config).toMatchObject({
      User: '65532:65532',
      Cmd: ['serve'],
      Labels: {
        'org.opencontainers.image.title': 'shop',
        'org.opencontainers.image.version': packageJson.version,
        'org.opencontainers.image.revision': expect.stringMatching(/^[0-9a-f]{40}$/),
      },
    });
    expect(Healthcheck?.Test.at(-1)).toBe('health');
  });

  describe('its other commands', () => {
    let shop: Shop;
    beforeAll(async () => {
      shop = await startShop({ workers: 0 });
    });
    afterAll(() => shop.stop());

    async function run(command: string[], settings: Record<string, string>): Promise<string> {
      const all = {
        SMTP_URL: shop.smtpUrl,
        REDIS_URL: shop.redisUrl,
        JWT_SECRET: randomUUID(),
        TOKEN_SECRET: randomUUID(),
        ...settings,
      };
      return await outputOf(containerCommand(`shop-${randomUUID()}`, command, all), all);
    }

    test('migrate › in an empty database › makes the schema', async () => {
      const url = new URL(shop.databaseUrl);
      const database = `${url.pathname.slice(1)}_empty`;
      url.pathname = database;
      await shop.db.unsafe(`create database ${database}`);
      try {
        expect(await run(['migrate'], { DATABASE_URL: url.href })).toBe('The database has the newest schema.\n');
      } finally {
        await shop.db.unsafe(`drop database ${database} with (force)`);
      }
    });

    test('create-admin › when the address is new › makes an account that can sign in', async () => {
      const account = { email: 'grace@example.com', password: 'a long enough one' };
      const settings = { DATABASE_URL: shop.databaseUrl, ADMIN_PASSWORD: account.password };
      await run(['create-admin', '--email', account.email, '--name', 'Grace Hopper'], settings);
      expect(await signIn(shop.url, account)).not.toBeEmpty();
    });

    test('health › of a container whose API answers › is good, and bad where none answers', async () => {
      const { port } = new URL(shop.url);
      const settings = { DATABASE_URL: shop.databaseUrl };
      expect(await run(['health'], { ...settings, PORT: port })).toBe('');
      await expect(run(['health'], { ...settings, PORT: '1' })).rejects.toThrow('Unable to connect');
    });
  });
});

describe('docs/deploy.md', () => {
  const directory = mkdtempSync(join(tmpdir(), 'shop-guide-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  /** Podman where the guide says Docker, with the limits that this machine can give. */
  async function putDockerOnPath(): Promise<void> {
    const settings = join(directory, 'containers.conf');
    await Bun.write(settings, '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n');
    const program = join(directory, 'docker');
    await Bun.write(program, `#!/bin/sh\nCONTAINERS_CONF=${settings} exec podman --runtime=runc "$@"\n`);
    chmodSync(program, 0o755);
  }

  test('the image alone › is started and stopped word for word › and answers in between', async () => {
    await putDockerOnPath();
    const bed = await openTestbed();
    const port = await freePort();
    const name = `shop-${randomUUID()}`;
    const settings = {
      PORT: port,
      DATABASE_URL: bed.databaseUrl,
      REDIS_URL: bed.redisUrl,
      SMTP_URL: bed.smtpUrl,
      JWT_SECRET: randomUUID(),
      TOKEN_SECRET: randomUUID(),
    };
    const lines = Object.entries(settings).map(([setting, value]) => `${setting}=${value}\n`);
    await Bun.write(join(directory, 'shop.env'), lines.join(''));
    const [start, stop] = shellBlocks('docs/deploy.md', 'The image alone').map((block) =>
      block.replaceAll(/shop-(?=api|worker)/g, `${name}-`).replace(':3000', `:${port}`),
    );
    const env = { PATH: `${directory}:${process.env.PATH}`, ADMIN_PASSWORD: 'a long enough one' };
    const run = (block = 'exit 1') => outputOf(['sh', '-euc', block], env, directory);
    try {
      // Redis may not have been reached yet when the API first says that it is ready.
      expect(await run(start)).toMatch(/"status":"(ok|degraded)","checks":{"postgres":"up"/);
      const url = `http://127.0.0.1:${port}`;
      expect(await signIn(url, { email: 'grace@example.com', password: env.ADMIN_PASSWORD })).not.toBeEmpty();
      await run(stop);
      await expect(fetch(url)).rejects.toThrow();
    } finally {
      await outputOf(podman('rm', '--force', '--ignore', '--time=0', `${name}-api`, `${name}-worker`));
      await bed.close();
    }
  });
});
