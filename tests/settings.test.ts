import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { commandOf, root } from './support/app-process.ts';
import { request } from './support/client.ts';
import { type Shop, startShop } from './support/shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
});

afterAll(() => shop.stop());

const entries = ['index.ts', 'worker.ts'] as const;
/** What one of them uses and the other does not. */
const usedOnly = { 'index.ts': ['JWT_SECRET'], 'worker.ts': ['SMTP_URL'] };

/** Starts an entry point that is expected to give up, and answers how it did and what it complained of. */
async function giveUp(entry: (typeof entries)[number], env: Record<string, string>) {
  const child = Bun.spawn(commandOf(entry), {
    cwd: root,
    env: { PATH: process.env.PATH, HOST: '127.0.0.1', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [code, complaint] = await Promise.all([child.exited, child.stderr.text()]);
  return { code, complaint };
}

/** The settings that a complaint names, in the order of the alphabet. */
function namesIn(complaint: string): string[] {
  return [...new Set(complaint.match(/\b[A-Z][A-Z_]+(?=:)/g))].sort();
}

describe.each(entries)('%s', (entry) => {
  describe('when settings cannot be used', () => {
    test('names every one of them at once, in plain words, and ends with 1', async () => {
      const faults = {
        PORT: '65536',
        DATABASE_URL: 'mysql://127.0.0.1/shop',
        DATABASE_REPLICA_URLS: 'postgres://127.0.0.1/shop, http://127.0.0.1',
        REDIS_URL: 'http://127.0.0.1',
        SMTP_URL: '127.0.0.1:25',
        MAIL_FROM: 'Shop',
        JWT_SECRET: 'short',
        TOKEN_SECRET: 'short',
        EMAIL_VERIFICATION: 'maybe',
        EMAIL_VERIFICATION_URL: 'https://shop.example/verify',
        PASSWORD_RESET_URL: 'shop.example/{token}',
        JWT_TTL: '1 day',
        CURRENCY: 'dollars',
        ORDER_STATUS_INTERVAL: '0s',
        ORDER_DELETE_AFTER: '-1h',
        CACHE_TTL: '5',
        SHUTDOWN_TIMEOUT: '1w',
        ADMIN_EMAIL: 'admin',
        ADMIN_PASSWORD: 'short',
        ADMIN_TOTP: 'never',
        LOG_LEVEL: 'loud',
        REGISTRATIONS_PER_HOUR: 'many',
        TRUST_PROXY: 'yes',
        CORS_ORIGINS: 'shop.example',
      };
      const { code, complaint } = await giveUp(entry, faults);
      expect(code).toBe(1);
      expect(namesIn(complaint)).toEqual(Object.keys(faults).sort());
      expect(complaint).not.toMatch(/\n\s+at /);
    });

    test('does not repeat what is secret', async () => {
      const secrets = { JWT_SECRET: 'hush hush', TOKEN_SECRET: 'hush hush', ADMIN_PASSWORD: 'hush' };
      const urls = {
        DATABASE_URL: 'postgres//user:hush@127.0.0.1/shop',
        DATABASE_REPLICA_URLS: 'postgres://127.0.0.1/shop,postgres//user:hush@127.0.0.1/shop',
      };
      const { complaint } = await giveUp(entry, { ...secrets, ...urls });
      expect(namesIn(complaint)).toEqual([...Object.keys(secrets), ...Object.keys(urls)].sort());
      expect(complaint).not.toContain('hush');
    });
  });

  describe('when it is in production and settings are missing', () => {
    test('names every one of them, beside those that cannot be used', async () => {
      const { code, complaint } = await giveUp(entry, { NODE_ENV: 'production', PORT: 'none' });
      expect(code).toBe(1);
      expect(namesIn(complaint)).toEqual(
        [...usedOnly[entry], 'DATABASE_URL', 'PORT', 'REDIS_URL', 'TOKEN_SECRET'].sort(),
      );
    });

    test('takes an empty one for missing', async () => {
      const { code, complaint } = await giveUp(entry, {
        NODE_ENV: 'production',
        DATABASE_URL: shop.databaseUrl,
        REDIS_URL: '',
        SMTP_URL: shop.smtpUrl,
        JWT_SECRET: 'a secret of exactly 32 letters..',
        TOKEN_SECRET: 'a secret of exactly 32 letters..',
      });
      expect(code).toBe(1);
      expect(namesIn(complaint)).toEqual(['REDIS_URL']);
    });
  });
});

describe('index.ts', () => {
  describe('when it stands alone without a database', () => {
    test('names DATABASE_URL', async () => {
      const { code, complaint } = await giveUp('index.ts', {});
      expect(code).toBe(1);
      expect(namesIn(complaint)).toEqual(['DATABASE_URL']);
      expect(complaint).not.toMatch(/\n\s+at /);
    });
  });

  describe('when ADMIN_EMAIL comes without ADMIN_PASSWORD', () => {
    test('asks for the password', async () => {
      const env = { DATABASE_URL: shop.databaseUrl, ADMIN_EMAIL: 'admin@example.com' };
      const { code, complaint } = await giveUp('index.ts', env);
      expect(code).toBe(1);
      expect(namesIn(complaint)).toEqual(['ADMIN_PASSWORD']);
    });
  });

  describe('when its port is taken', () => {
    test('says so in a line and ends with 1, and who has the port goes on', async () => {
      const { port } = new URL(shop.url);
      const { code, complaint } = await giveUp('index.ts', { DATABASE_URL: shop.databaseUrl, PORT: port });
      expect(code).toBe(1);
      expect(complaint).toContain(port);
      expect(complaint).not.toMatch(/\n\s+at /);
      expect((await request(shop.url, 'GET', '/readyz')).status).toBe(200);
    });
  });

  describe('when all of them are good', () => {
    test('starts with every setting at once, in production too', async () => {
      const api = await shop.startApi({
        NODE_ENV: 'production',
        MAIL_FROM: 'shop@example.com',
        JWT_TTL: '12h',
        CURRENCY: 'EUR',
        ORDER_STATUS_INTERVAL: '250ms',
        ORDER_DELETE_AFTER: '0s',
        CACHE_TTL: '90s',
        SHUTDOWN_TIMEOUT: '2s',
        LOG_LEVEL: 'info',
        REGISTRATIONS_PER_HOUR: '1000000000',
        TRUST_PROXY: '1',
        CORS_ORIGINS: 'https://shop.example',
        EMAIL_VERIFICATION: 'on',
        EMAIL_VERIFICATION_URL: 'https://shop.example/verify/{token}',
        PASSWORD_RESET_URL: 'https://shop.example/reset/{token}',
      });
      expect((await request(api.url, 'GET', '/readyz')).status).toBe(200);
      expect(await api.stop()).toBe(0);
    });
  });
});

describe('in production, without the secrets of others', () => {
  const production = () => ({ NODE_ENV: 'production', DATABASE_URL: shop.databaseUrl, REDIS_URL: shop.redisUrl });
  const nothing = { JWT_SECRET: '', SMTP_URL: '', ADMIN_EMAIL: '', ADMIN_PASSWORD: '' };

  test('each process works with those that it uses', async () => {
    const api = await shop.startApi({ ...nothing, ...production(), JWT_SECRET: 'a secret of exactly 32 letters..' });
    const worker = await shop.startWorker({ ...nothing, ...production(), SMTP_URL: shop.smtpUrl });
    expect(await Promise.all([api.stop(), worker.stop()])).toEqual([0, 0]);
  });

  test('each process warns where webhooks may lead anywhere, and works', async () => {
    const targets = { WEBHOOK_TARGETS: 'any' };
    const api = await shop.startApi({ ...production(), ...targets, JWT_SECRET: 'a secret of exactly 32 letters..' });
    const worker = await shop.startWorker({ ...production(), ...targets });
    for (const started of [api, worker]) {
      expect(started.log()).toContainEqual(
        expect.objectContaining({ level: 'warn', msg: expect.stringContaining('WEBHOOK_TARGETS') }),
      );
    }
  });

  test('db:migrate wants DATABASE_URL alone', async () => {
    const child = Bun.spawn([process.execPath, 'scripts/migrate.ts'], {
      cwd: root,
      env: { PATH: process.env.PATH, NODE_ENV: 'production', DATABASE_URL: shop.databaseUrl },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    expect(await child.exited).toBe(0);
  });
});

describe('worker.ts', () => {
  describe('when it stands alone without database and mail server', () => {
    test('names both', async () => {
      const { code, complaint } = await giveUp('worker.ts', {});
      expect(code).toBe(1);
      expect(complaint).not.toMatch(/\n\s+at /);
      expect(namesIn(complaint)).toEqual(['DATABASE_URL', 'SMTP_URL']);
    });
  });
});
