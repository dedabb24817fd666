import { describe, expect, test } from 'bun:test';
import { type Process, type RedisPlace, readSettings, type Settings, SettingsError } from './settings.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://shop@127.0.0.1/shop',
  REDIS_URL: 'redis://127.0.0.1:6379',
  SMTP_URL: 'smtp://127.0.0.1:25',
  JWT_SECRET: 'a secret of exactly 32 letters..',
  TOKEN_SECRET: 'another secret, of 32 letters...',
};

/** The settings that a refusal of this environment names. */
function faultsOf(environment: Record<string, string>, reader?: Process): string[] {
  try {
    readSettings(environment, reader);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return [...String((error as Error).message).matchAll(/^ {2}([A-Z_]+): .+$/gm)].map(([, name]) => name ?? '');
  }
  return [];
}

describe('readSettings', () => {
  describe('when nothing is set', () => {
    test('answers the defaults', () => {
      expect(readSettings({})).toEqual({
        production: false,
        port: 3_000,
        host: '0.0.0.0',
        databaseUrl: undefined,
        databaseReplicaUrls: [],
        redis: undefined,
        mailServer: undefined,
        smtpConnections: 20,
        mailFrom: { name: 'Shop', address: 'shop@localhost' },
        jwtSecret: undefined,
        adminTotp: 'optional',
        customerEraseAfterMs: undefined,
        jwtTtlMs: dayMs,
        tokenSecret: undefined,
        verifiesEmails: false,
        emailVerificationUrl: undefined,
        passwordResetUrl: undefined,
        currency: 'USD',
        orderStatusIntervalMs: hourMs,
        orderDeleteAfterMs: dayMs,
        shippingAddress: 'optional',
        mailLanguage: 'en',
        cacheTtlMs: 5 * minuteMs,
        shutdownTimeoutMs: 10_000,
        keepAliveTimeoutMs: 75_000,
        adminEmail: undefined,
        adminPassword: undefined,
        logLevel: 'info',
        registrationsPerHour: 100,
        unverifiedMailsPerHour: 60,
        webhookTargets: 'public',
        trustProxyHops: 0,
        corsOrigins: [],
        metricsPort: undefined,
        otlpEndpoint: undefined,
      });
    });

    test('cannot be changed afterwards', () => {
      expect(Object.isFrozen(readSettings({}))).toBe(true);
    });

    test('takes an empty variable for an unset one', () => {
      const empty = { PORT: '', DATABASE_URL: '', CURRENCY: '', JWT_TTL: '', CORS_ORIGINS: '', NODE_ENV: '' };
      expect(readSettings(empty)).toEqual(readSettings({}));
    });
  });

  describe('when a duration is read', () => {
    test.each([
      ['250ms', 250],
      ['2s', 2_000],
      ['5m', 5 * minuteMs],
      ['1h', hourMs],
      ['1d', dayMs],
      ['90m', 90 * minuteMs],
    ])('%s is %d milliseconds', (text, ms) => {
      expect(readSettings({ ORDER_STATUS_INTERVAL: text }).orderStatusIntervalMs).toBe(ms);
    });

    test.each([
      ' ',
      '5',
      '1.5h',
      '-1s',
      '1w',
      '1 h',
      '1H',
      'h',
      '1h30m',
      '1e3s',
      '9999999999s',
      '3651d',
      ' 1s',
      '1s\n',
    ])('%p is refused', (text) => {
      expect(faultsOf({ CACHE_TTL: text })).toEqual(['CACHE_TTL']);
    });

    test('0 is taken where it means at once, and refused where it means nothing', () => {
      expect(readSettings({ ORDER_DELETE_AFTER: '0s', SHUTDOWN_TIMEOUT: '0ms' })).toMatchObject({
        orderDeleteAfterMs: 0,
        shutdownTimeoutMs: 0,
      });
      const zeros = { ORDER_STATUS_INTERVAL: '0s', CACHE_TTL: '0s', JWT_TTL: '0s' };
      expect(faultsOf(zeros).sort()).toEqual(Object.keys(zeros).sort());
    });
  });

  describe('when a value is good', () => {
    test.each([
      ['PORT', '0', { port: 0 }],
      ['PORT', '65535', { port: 65_535 }],
      ['HOST', '127.0.0.1', { host: '127.0.0.1' }],
      ['DATABASE_URL', 'postgresql://shop:p%40ss@db/shop?sslmode=require', {}],
      [
        'REDIS_URL',
        'rediss://:secret@redis:6380/3',
        { redis: { kind: 'server' as const, url: 'rediss://:secret@redis:6380/3' } },
      ],
      ['SMTP_URL', 'smtp://mail', { mailServer: { url: 'smtp://mail', tls: 'offered' as const } }],
      ['SMTP_URL', 'smtp://user@mail', { mailServer: { url: 'smtp://user@mail', tls: 'required' as const } }],
      [
        'SMTP_URL',
        'smtps://user:pass@mail:465',
        { mailServer: { url: 'smtps://user:pass@mail:465', tls: 'required' as const } },
      ],
      [
        'SMTP_URL',
        'smtp://user:p%3Fss@mail/?name=a%20b&tls=never&rateLimit=5',
        { mailServer: { url: 'smtp://user:p%3Fss@mail/?name=a%20b&rateLimit=5', tls: 'never' as const } },
      ],
      ['SMTP_URL', 'smtp://mail?tls=never', { mailServer: { url: 'smtp://mail', tls: 'never' as const } }],
      ['MAIL_FROM', 'shop@example.com', { mailFrom: { name: '', address: 'shop@example.com' } }],
      [
        'MAIL_FROM',
        '"Müller, Co" <shop@müller.test>',
        { mailFrom: { name: 'Müller, Co', address: 'shop@xn--mller-kva.test' } },
      ],
      ['SMTP_CONNECTIONS', '1', { smtpConnections: 1 }],
      ['CURRENCY', 'JPY', { currency: 'JPY' }],
      ['CURRENCY', 'XCG', { currency: 'XCG' }],
      ['LOG_LEVEL', 'silent', { logLevel: 'silent' as const }],
      ['UNVERIFIED_MAILS_PER_HOUR', '0', { unverifiedMailsPerHour: 0 }],
      ['REGISTRATIONS_PER_HOUR', '0', { registrationsPerHour: 0 }],
      ['REGISTRATIONS_PER_HOUR', '1000000000', { registrationsPerHour: 1_000_000_000 }],
      ['TRUST_PROXY', '2', { trustProxyHops: 2 }],
      [
        'CORS_ORIGINS',
        ' https://a.example,, http://b.example:8080 ',
        { corsOrigins: ['https://a.example', 'http://b.example:8080'] },
      ],
      ['CORS_ORIGINS', '*', { corsOrigins: ['*'] }],
      ['HOST', '::', { host: '::' }],
      ['REDIS_URL', 'redis+cluster://one:1,one:65535', {}],
      ['DATABASE_URL', 'postgres://shop@db', { databaseUrl: 'postgres://shop@db' }],
      [
        'DATABASE_REPLICA_URLS',
        'postgres://one/shop, postgresql://two/shop',
        { databaseReplicaUrls: ['postgres://one/shop', 'postgresql://two/shop'] },
      ],
      ['JWT_SECRET', 'x'.repeat(32), { jwtSecret: 'x'.repeat(32) }],
      ['TOKEN_SECRET', 'x'.repeat(32), { tokenSecret: 'x'.repeat(32) }],
      ['EMAIL_VERIFICATION', 'on', { verifiesEmails: true }],
      ['EMAIL_VERIFICATION', 'off', { verifiesEmails: false }],
      [
        'EMAIL_VERIFICATION_URL',
        'https://s.example/v/{token}',
        { emailVerificationUrl: 'https://s.example/v/{token}' },
      ],
      ['PASSWORD_RESET_URL', 'http://s.example/#t={token}', { passwordResetUrl: 'http://s.example/#t={token}' }],
      ['CUSTOMER_ERASE_AFTER', '30d', { customerEraseAfterMs: 30 * 86_400_000 }],
      ['ADMIN_TOTP', 'required', { adminTotp: 'required' }],
      ['JWT_TTL', '1s', { jwtTtlMs: 1_000 }],
      ['JWT_TTL', '3650d', { jwtTtlMs: 3_650 * dayMs }],
      ['ORDER_STATUS_INTERVAL', '1ms', { orderStatusIntervalMs: 1 }],
      ['ORDER_STATUS_INTERVAL', 'never', { orderStatusIntervalMs: null }],
      ['SHIPPING_ADDRESS', 'required', { shippingAddress: 'required' }],
      ['MAIL_LANGUAGE', 'de', { mailLanguage: 'de' }],
      ['ORDER_STATUS_INTERVAL', '3650d', { orderStatusIntervalMs: 3_650 * dayMs }],
      ['ORDER_DELETE_AFTER', '3650d', { orderDeleteAfterMs: 3_650 * dayMs }],
      ['CACHE_TTL', '1ms', { cacheTtlMs: 1 }],
      ['CACHE_TTL', '3650d', { cacheTtlMs: 3_650 * dayMs }],
      ['SHUTDOWN_TIMEOUT', '3650d', { shutdownTimeoutMs: 3_650 * dayMs }],
      ['ADMIN_PASSWORD', 'eight ch', { adminPassword: 'eight ch' }],
      ['ADMIN_PASSWORD', 'x'.repeat(128), { adminPassword: 'x'.repeat(128) }],
      ['TRUST_PROXY', '0', { trustProxyHops: 0 }],
      ['TRUST_PROXY', '16', { trustProxyHops: 16 }],
      ['METRICS_PORT', '0', { metricsPort: 0 }],
      ['METRICS_PORT', '65535', { metricsPort: 65_535 }],
      ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://collector:4318', { otlpEndpoint: 'http://collector:4318' }],
      ['OTEL_EXPORTER_OTLP_ENDPOINT', 'https://collector', { otlpEndpoint: 'https://collector' }],
      ...(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const).map(
        (logLevel): [string, string, Partial<Settings>] => ['LOG_LEVEL', logLevel, { logLevel }],
      ),
    ])('%s=%j is taken', (name, text, settings) => {
      expect(readSettings({ [name]: text })).toMatchObject(settings);
    });
  });

  describe('when Redis is more than one server', () => {
    const nobody = { username: '', password: '' };
    const user = { username: 'shop', password: 'p@ss:/' };

    test.each<[string, RedisPlace]>([
      [
        'redis+cluster://one,two:7000,[::1]:7001/',
        {
          kind: 'cluster',
          nodes: [
            { host: 'one', port: 6379 },
            { host: 'two', port: 7000 },
            { host: '::1', port: 7001 },
          ],
          login: nobody,
          tls: false,
        },
      ],
      [
        'rediss+cluster://shop:p%40ss%3A%2F@one.example',
        { kind: 'cluster', nodes: [{ host: 'one.example', port: 6379 }], login: user, tls: true },
      ],
      [
        'redis+sentinel://one,10.0.0.2:5000/my.master_1',
        {
          kind: 'sentinel',
          nodes: [
            { host: 'one', port: 26379 },
            { host: '10.0.0.2', port: 5000 },
          ],
          name: 'my.master_1',
          database: 0,
          login: nobody,
          sentinelLogin: nobody,
          tls: false,
        },
      ],
      [
        'rediss+sentinel://:p%40ss%3A%2F@one/shop/3?sentinel_username=guard&sentinel_password=p%40ss%3A%2F',
        {
          kind: 'sentinel',
          nodes: [{ host: 'one', port: 26379 }],
          name: 'shop',
          database: 3,
          login: { ...user, username: '' },
          sentinelLogin: { ...user, username: 'guard' },
          tls: true,
        },
      ],
    ])('%s is taken apart', (text, place) => {
      expect(readSettings({ REDIS_URL: text }).redis).toEqual(place);
    });

    test.each([
      'redis+cluster://',
      'redis+cluster:one',
      'redis+cluster://one,',
      'redis+cluster://one:0',
      'redis+cluster://one:65536',
      'redis+cluster://one:a',
      'redis+cluster://one two',
      'redis+cluster://shop@one',
      'redis+cluster://shop:%zz@one',
      'redis+cluster://one/1',
      'redis+cluster://one?tls=true',
      'redis+cluster://one#two',
      'redis+sentinel://one',
      'redis+sentinel://one/',
      'redis+sentinel://one/shop/a',
      'redis+sentinel://one/shop/1/2',
      'redis+sentinel://one/shop?name=shop',
      'redis+ring://one,two',
      'http+cluster://one',
    ])('%s is refused', (text) => {
      expect(faultsOf({ REDIS_URL: text })).toEqual(['REDIS_URL']);
    });
  });

  describe('when a value is bad', () => {
    test.each([
      ['PORT', '65536'],
      ['PORT', '-1'],
      ['PORT', '3000.5'],
      ['PORT', '0x50'],
      ['DATABASE_URL', 'mysql://127.0.0.1/shop'],
      ['DATABASE_URL', 'shop'],
      ['REDIS_URL', 'http://127.0.0.1'],
      ['REDIS_URL', '127.0.0.1:6379'],
      ['SMTP_URL', 'mail.example'],
      ['SMTP_URL', 'smtp://mail?tls=no'],
      ['SMTP_URL', 'smtps://mail?tls=never'],
      ['MAIL_FROM', 'Shop'],
      ['MAIL_FROM', 'Shop <shop>'],
      ['MAIL_FROM', 'Shop <shop@example.com>\r\nBcc: all@example.com'],
      ['SMTP_CONNECTIONS', '0'],
      ['SMTP_CONNECTIONS', '1001'],
      ['JWT_SECRET', 'x'.repeat(31)],
      ['TOKEN_SECRET', 'x'.repeat(31)],
      ['EMAIL_VERIFICATION', 'yes'],
      ['EMAIL_VERIFICATION_URL', 'https://shop.example/verify'],
      ['EMAIL_VERIFICATION_URL', '/verify?token={token}'],
      ['PASSWORD_RESET_URL', 'javascript:alert({token})'],
      ['PASSWORD_RESET_URL', 'https://{token}'],
      ['ADMIN_TOTP', 'never'],
      ['CUSTOMER_ERASE_AFTER', 'never'],
      ['CURRENCY', 'usd'],
      ['CURRENCY', 'US'],
      ['CURRENCY', 'ZZZ'],
      ['CURRENCY', 'BTC'],
      ['ADMIN_PASSWORD', 'x'.repeat(7)],
      ['ADMIN_PASSWORD', 'x'.repeat(129)],
      ['LOG_LEVEL', 'loud'],
      ['REGISTRATIONS_PER_HOUR', '1000000001'],
      ['REGISTRATIONS_PER_HOUR', '-1'],
      ['UNVERIFIED_MAILS_PER_HOUR', '1000000001'],
      ['TRUST_PROXY', 'true'],
      ['TRUST_PROXY', '17'],
      ['CORS_ORIGINS', 'shop.example'],
      ['CORS_ORIGINS', 'https://shop.example/'],
      ['CORS_ORIGINS', 'https://shop.example, nonsense'],
      ['DATABASE_REPLICA_URLS', 'postgres://one/shop,http://two/shop'],
      ['JWT_TTL', '999ms'],
      ...['JWT_TTL', 'ORDER_STATUS_INTERVAL', 'ORDER_DELETE_AFTER', 'CACHE_TTL', 'SHUTDOWN_TIMEOUT'].map(
        (name): [string, string] => [name, '3651d'],
      ),
      ['LOG_LEVEL', 'INFO'],
      ['TRUST_PROXY', '-1'],
      ['METRICS_PORT', '65536'],
      ['METRICS_PORT', '-1'],
      ['OTEL_EXPORTER_OTLP_ENDPOINT', 'grpc://collector:4317'],
      ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ])('%s=%j is refused', (name, text) => {
      expect(faultsOf({ [name]: text })).toEqual([name]);
    });

    test('holds the first admin’s address to what accounts may have', () => {
      const admin = (email: string) => ({ ADMIN_EMAIL: email, ADMIN_PASSWORD: 'open sesame' });
      expect(readSettings(admin('m&m@x.test')).adminEmail).toBe('m&m@x.test');
      for (const email of ['a@bad-.com', 'admin@localhost', `${'a'.repeat(65)}@x.test`, 'admin@müller.test']) {
        expect(faultsOf(admin(email))).toEqual(['ADMIN_EMAIL']);
      }
    });

    test('names every fault at once', () => {
      const faults = { PORT: 'a', JWT_TTL: 'b', CORS_ORIGINS: 'c', ADMIN_EMAIL: 'd' };
      expect(faultsOf(faults).sort()).toEqual(['ADMIN_EMAIL', 'ADMIN_PASSWORD', 'CORS_ORIGINS', 'JWT_TTL', 'PORT']);
    });
  });

  describe('when it is production', () => {
    test('takes what has all that is required', () => {
      expect(readSettings(production)).toMatchObject({
        production: true,
        redis: { kind: 'server', url: production.REDIS_URL },
      });
    });

    test.each(['DATABASE_URL', 'REDIS_URL', 'SMTP_URL', 'JWT_SECRET', 'TOKEN_SECRET'])('requires %s', (name) => {
      expect(faultsOf({ ...production, [name]: '' })).toEqual([name]);
    });

    test.each([
      ['api', ['DATABASE_URL', 'JWT_SECRET', 'REDIS_URL', 'TOKEN_SECRET']],
      ['worker', ['DATABASE_URL', 'REDIS_URL', 'SMTP_URL', 'TOKEN_SECRET']],
      ['command', []],
    ] as const)('requires of %s what it uses, and no more', (reader, names) => {
      const all = { NODE_ENV: 'production', ADMIN_EMAIL: 'admin@example.com', ADMIN_PASSWORD: 'open sesame' };
      expect(faultsOf(all, reader).sort()).toEqual([...names]);
      const { ADMIN_PASSWORD: _secret, ...others } = all;
      expect(faultsOf(others, reader).includes('ADMIN_PASSWORD')).toBe(reader === 'api');
    });

    test('requires TLS of a mail server that does not say otherwise', () => {
      expect(readSettings(production).mailServer).toEqual({ url: production.SMTP_URL, tls: 'required' });
      const never = { ...production, SMTP_URL: 'smtp://mail?tls=never' };
      expect(readSettings(never).mailServer).toEqual({ url: 'smtp://mail', tls: 'never' });
    });

    test('names what is missing beside what is bad', () => {
      expect(faultsOf({ NODE_ENV: 'production', PORT: 'a', REDIS_URL: 'b' }).sort()).toEqual([
        'DATABASE_URL',
        'JWT_SECRET',
        'PORT',
        'REDIS_URL',
        'SMTP_URL',
        'TOKEN_SECRET',
      ]);
    });
  });

  describe('when an admin is named', () => {
    test('requires a password with the address, but no address with a password', () => {
      expect(faultsOf({ ADMIN_EMAIL: 'admin@example.com' })).toEqual(['ADMIN_PASSWORD']);
      expect(readSettings({ ADMIN_PASSWORD: 'open sesame' }).adminPassword).toBe('open sesame');
    });
  });
});
