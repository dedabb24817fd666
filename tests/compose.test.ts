import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { YAML } from 'bun';
import { readSettings } from '../src/settings.ts';
import { imageCommands, processOf, readSource, secretsIn, secretsOf, settingNames } from './support/declared.ts';

const root = join(import.meta.dir, '..');

/** Those that the specification gives names of its own to; what they stand for is checked by Compose itself. */
const composeFormats = { duration: true, expose: true, ports: true, subnet_ip_address: true } as const;

describe('compose.yaml', () => {
  type ComposeService = {
    command?: string[];
    cap_drop?: string[];
    cap_add?: string[];
    security_opt?: string[];
    image: string;
    environment?: Record<string, string>;
    volumes?: string[];
    depends_on?: Record<string, { condition: string }>;
    healthcheck?: { disable?: boolean };
    read_only?: boolean;
    restart?: string;
    deploy?: { replicas: number };
    stop_grace_period?: string;
  };

  /** The variables of a file such as .env; what is commented out counts when it is asked for. */
  function variables(text: string): Record<string, string> {
    return Object.fromEntries([...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
  }

  /** Puts variables into every text, as Compose does. */
  function interpolate<Value>(value: Value, values: Record<string, string>): Value {
    return JSON.parse(JSON.stringify(value), (_key, text) =>
      typeof text !== 'string'
        ? text
        : text.replaceAll(/\$\{([A-Z_]+):([-?])([^}]*)\}/g, (_whole, name, kind, rest) => {
            if (values[name] || kind === '-') return values[name] || rest;
            throw new Error(`${name}: ${rest}`);
          }),
    );
  }

  const example = readSource('.env.example');
  const secrets = {
    POSTGRES_PASSWORD: 'a'.repeat(48),
    POSTGRES_APP_PASSWORD: 'c'.repeat(48),
    REDIS_PASSWORD: 'd'.repeat(48),
    JWT_SECRET: 'b'.repeat(64),
    TOKEN_SECRET: 'e'.repeat(64),
  };
  const source = YAML.parse(readSource('compose.yaml')) as { services: Record<string, ComposeService> };
  const withValues = (values: Record<string, string>) => interpolate(source, { ...variables(example), ...values });
  const document = withValues(secrets);
  const services = Object.entries(document.services);
  const ours = services.filter(([, { image }]) => image === 'shop');

  test('is what the Compose specification describes', () => {
    // It names its draft by an address that ajv knows with another scheme.
    const { $schema: _draft, ...schema } = JSON.parse(readSource('node_modules/dclint/schemas/compose.schema.json'));
    const validate = new Ajv({ strict: false, allErrors: true, formats: composeFormats }).compile(schema);
    validate(document);
    expect(validate.errors ?? []).toEqual([]);
    expect(validate({ services: { api: { imag: 'shop' } } })).toBeFalse();
  });

  test('asks for the secrets that .env.example leaves empty, and for nothing else', () => {
    expect(() => withValues({})).toThrow('set it in .env');
    const named = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name);
    const used = [...readSource('compose.yaml').matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name);
    expect([...new Set(used)].toSorted()).toEqual(named.toSorted());
  });

  test.each(ours)('%s › has settings that the process can use › and a command that there is', (_name, service) => {
    expect(imageCommands).toContain(service.command?.join(' ') ?? '');
    expect(settingNames).toEqual(expect.arrayContaining(Object.keys(service.environment ?? {})));
    const environment = { ...service.environment, NODE_ENV: 'production' };
    expect(readSettings(environment, processOf[service.command?.[0] ?? ''])).toMatchObject({ production: true });
  });

  test.each(ours)('%s › is given the secrets that it uses › and no others', (_name, service) => {
    const command = service.command?.[0] as keyof typeof secretsOf;
    expect(secretsIn(Object.keys(service.environment ?? {}))).toEqual([...secretsOf[command]]);
    const role = command === 'migrate' ? 'shop' : 'shop_app';
    expect(new URL(service.environment?.DATABASE_URL ?? '').username).toBe(role);
  });

  test.each(services)('%s › keeps no capability but those that it needs › and its image is exact', (name, service) => {
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
    // Their images begin as root, and hand on to an account of their own.
    const kept: Record<string, string[]> = {
      postgres: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID'],
      redis: ['CHOWN', 'SETGID', 'SETUID'],
    };
    expect(service.cap_add ?? []).toEqual(kept[name] ?? []);
    if (service.image !== 'shop') expect(service.image).toMatch(/:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/);
    // Postgres has no third number.
    if (name !== 'postgres' && service.image !== 'shop') expect(service.image).toMatch(/:v?\d+\.\d+\.\d+/);
  });

  test('Redis › asks for a password, and has a limit at which it refuses to grow', () => {
    const { command = [], environment } = document.services.redis ?? {};
    const option = (name: string) => command[command.indexOf(name) + 1];
    expect(option('--requirepass')).toBe(secrets.REDIS_PASSWORD);
    expect(environment?.REDISCLI_AUTH).toBe(secrets.REDIS_PASSWORD);
    expect(option('--maxmemory')).toMatch(/^\d+mb$/);
    expect(option('--maxmemory-policy')).toBe('noeviction');
    expect(new URL(document.services.api?.environment?.REDIS_URL ?? '').password).toBe(secrets.REDIS_PASSWORD);
  });

  test('API and worker › run twice › after the migrations › until they have finished', () => {
    for (const name of ['api', 'worker']) {
      const service = document.services[name];
      expect(service).toMatchObject({
        deploy: { replicas: 2 },
        depends_on: { migrate: { condition: 'service_completed_successfully' } },
      });
      const { shutdownTimeoutMs } = readSettings({ ...service?.environment }, 'command');
      expect(seconds(service?.stop_grace_period)).toBeGreaterThan(shutdownTimeoutMs / 1_000);
    }
  });

  test.each(services)('%s › starts again by itself › and cannot write outside its volumes', (_name, service) => {
    expect(service.restart).toMatch(/^(unless-stopped|on-failure)$/);
    expect(service.read_only).toBeTrue();
  });

  test('everything that is waited for can become healthy', () => {
    for (const [, { depends_on = {} }] of services) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        const awaited = document.services[name];
        const hasCheck = awaited?.healthcheck ? !awaited.healthcheck.disable : awaited?.image === 'shop';
        expect([name, condition === 'service_healthy' ? hasCheck : awaited !== undefined]).toEqual([name, true]);
      }
    }
  });

  test('every file that is mounted is there', () => {
    const sources = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] ?? ''));
    const files = sources.filter((source) => source.startsWith('.'));
    expect(files).not.toBeEmpty();
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  function seconds(duration = ''): number {
    return Number(/^(\d+)s$/.exec(duration)?.[1]);
  }
});
