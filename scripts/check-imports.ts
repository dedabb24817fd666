// Holds every import against the rooms of docs/architecture.md, and the rules against a clock and SQL helpers of their
// own. Biome sees to barrel files and to Bun's own modules.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Glob } from 'bun';

/**
 * What a room may import beside itself and `node:` modules; `type` in front admits types alone. One that stands alone is
 * for others to take, and may not import what every room may.
 */
type Room = { rooms?: readonly string[]; packages?: readonly string[]; standsAlone?: boolean };

/** What every room may import. */
const everywhere = ['src/lib', 'src/errors.ts', 'type src/services.ts', 'type src/settings.ts'];

/** Unit tests, and everything that is in no room, may import anything. A leaf imports only what it names here. */
const rooms: Record<string, Room> = {
  'index.ts': {
    rooms: ['src/app.ts', 'src/middleware/head.ts', 'src/processes', 'src/settings.ts', 'src/telemetry/listen.ts'],
  },
  'worker.ts': { rooms: ['src/processes', 'src/settings.ts'] },
  'src/app.ts': { rooms: ['src/middleware', 'src/routes'], packages: ['hono', '@hono'] },
  'src/processes': {
    rooms: ['src/cache', 'src/db', 'src/domain', 'src/jobs', 'src/settings.ts', 'src/telemetry'],
    packages: ['@hono/node-server', 'type pino', 'type prom-client'],
  },
  'src/middleware': {
    rooms: ['src/cache', 'type src/domain', 'src/schema', 'src/telemetry/spans.ts'],
    packages: ['hono', 'type @hono/zod-openapi', '@opentelemetry/api', 'lru-cache', 'type pino', 'prom-client', 'zod'],
  },
  'src/routes': {
    rooms: ['src/domain', 'src/middleware', 'src/schema'],
    packages: ['hono', '@hono', '@scalar'],
  },
  'src/domain': {
    rooms: ['type src/db/client.ts', 'src/db/planning.ts', 'src/db/sql.ts', 'src/db/tables.ts', 'src/schema'],
    packages: ['@node-rs/argon2', 'drizzle-orm', 'otpauth'],
  },
  'src/db': {
    rooms: ['src/schema', 'src/telemetry/spans.ts'],
    packages: ['@opentelemetry/api', 'drizzle-orm', 'postgres', 'zod'],
  },
  'src/cache': { packages: ['lru-cache', 'rate-limiter-flexible'] },
  'src/jobs': {
    rooms: [
      'type src/db/client.ts',
      'src/db/dialect.ts',
      'src/db/transaction.ts',
      'src/domain',
      'src/schema',
      'src/telemetry/spans.ts',
      'src/telemetry/traced-batcher.ts',
    ],
    packages: ['@opentelemetry/api', 'bullmq', 'type hono/jsx', 'nodemailer', 'type pino'],
  },
  'src/telemetry': {
    rooms: ['src/db', 'src/domain/outbox', 'type src/jobs', 'src/schema'],
    packages: ['@opentelemetry', 'type pino', 'prom-client'],
  },
  'src/services.ts': {
    rooms: [
      'type src/cache',
      'type src/db',
      'type src/domain',
      'type src/jobs',
      'type src/schema',
      'type src/telemetry',
    ],
    packages: ['type pino', 'type prom-client'],
  },
  'src/settings.ts': { rooms: ['src/schema/passwords.ts'], packages: ['zod'] },
  'src/schema': { packages: ['zod'] },
  'src/lib': { packages: ['csv-stringify', 'ioredis', 'ipaddr.js', 'iso-3166', 'pino', 'uuidv7', 'zod'] },
  'src/errors.ts': {},
  // As its own tsconfig.json has no types of Node, it may not import `node:` modules either.
  'clients/typescript': { packages: ['hono/client', 'type hono'], standsAlone: true },
  // A client of the API like any other: what it can do, the API lets it.
  console: {
    rooms: ['clients/typescript/src/index.ts', 'src/lib/currencies.ts'],
    packages: ['csv-parse/browser', 'hono/jsx/dom', 'type hono/client', 'uplot', 'uqr'],
    standsAlone: true,
  },
  bench: {
    rooms: [
      'src/db',
      'src/domain/customers/passwords.ts',
      'src/jobs/queue-names.ts',
      'type src/schema',
      'standalone',
      'tests/chaos/mail-server.ts',
      'tests/support',
    ],
    packages: ['bullmq', 'bun', 'hono/jwt', 'postgres'],
  },
};

/** What must not stand in a room's code, and what to do instead. */
const unwanted: { room: string; text: RegExp; instead: string }[] = [
  { room: 'src/domain', text: /\bnew Date\(\)|\bDate\.now\(|\bperformance\b/, instead: 'rules are told the time' },
  { room: 'src/domain', text: /::timestamptz|::\w+\[\]|\bsql\.param\(/, instead: 'src/db/sql.ts writes these' },
];

/** What is loaded only where a setting or the runtime asks for it, or where a process may do without. */
const onDemand: Record<string, string[]> = {
  'index.ts': ['./src/telemetry/traces.ts', './src/processes/listen-on-node.ts'],
  'src/processes/api.ts': ['../jobs/queues.ts'],
  'worker.ts': ['./src/telemetry/traces.ts'],
  'tests/support/mail-sink.ts': ['mailparser'],
};

type Import = { line: number; target: string; typeOnly: boolean };

const root = join(import.meta.dir, '..');
// Safe to tell by the line's beginning and by single quotes, because the formatter sees to both.
const statement = /^(?:import|export)\s+(?:(type)\s+)?(?:[\w\s{},*$]*?\sfrom\s+)?'([^']+)'/gm;
const importCall = /^(?!\s*(?:\*|\/\/)).*\bimport\('?([^')]*)/gm;
const routeGroup = /^export (?:const|function) \w+Routes\b/m;

const sources = new Map<string, string>();
// The peers of bench/ are projects of their own, in JavaScript.
for (const pattern of [
  '*.ts',
  'clients/*/src/**/*.ts',
  '{console,src,standalone,scripts,tests}/**/*.{ts,tsx}',
  'bench/*.ts',
  'bench/works/*.ts',
]) {
  for (const file of new Glob(pattern).scanSync(root)) {
    // Packages that suites install, and what generators of clients make.
    if (/\/(node_modules|made)\//.test(file)) continue;
    sources.set(file, readFileSync(join(root, file), 'utf8'));
  }
}

function lineAt(source: string, index: number): number {
  return source.slice(0, index).split('\n').length;
}

/** The static imports and re-exports of a file; relative targets come out as paths from the root. */
function importsOf(file: string, source: string): Import[] {
  return [...source.matchAll(statement)].map(({ index, 1: type, 2: target = '' }) => ({
    line: lineAt(source, index),
    target: target.startsWith('.') ? join(dirname(file), target) : target,
    typeOnly: type !== undefined,
  }));
}

function isWithin(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}

/** The rules of a room that have admitted an import; those that never do are to go. */
const usedRules = new Map<string, Set<string>>();

function isAllowed(name: string, room: Room, { target, typeOnly }: Import): boolean {
  if (target.startsWith('node:') || isWithin(target, name)) return true;
  const admits = (entry: string) =>
    entry.startsWith('type ') ? typeOnly && isWithin(target, entry.slice('type '.length)) : isWithin(target, entry);
  const rule = [...(room.rooms ?? []), ...(room.packages ?? [])].find(admits);
  if (rule) usedRules.set(name, (usedRules.get(name) ?? new Set()).add(rule));
  return rule !== undefined || (!room.standsAlone && everywhere.some(admits));
}

function unusedRules(): string[] {
  return Object.entries(rooms).flatMap(([name, { rooms: others = [], packages = [] }]) =>
    [...others, ...packages]
      .filter((rule) => !usedRules.get(name)?.has(rule))
      .map((rule) => `${name} may import ${rule}, which it does not: take the rule out`),
  );
}

function roomOffences(file: string, imports: Import[]): string[] {
  if (/\.test\.tsx?$/.test(file)) return [];
  const [name, room] = Object.entries(rooms).find(([path]) => isWithin(file, path)) ?? [];
  if (!name || !room) return file.startsWith('src/') ? [`${file}: belongs to no room of scripts/check-imports.ts`] : [];
  const offences: string[] = [];
  for (const found of imports) {
    const at = `${file}:${found.line}`;
    if (!isAllowed(name, room, found)) offences.push(`${at}: ${name} may not import ${found.target}`);
    if (name === 'src/routes' && routeGroup.test(sources.get(found.target) ?? '')) {
      offences.push(`${at}: a route group may not import another, ${found.target}`);
    }
  }
  return offences;
}

function inCodeOffences(file: string, source: string): string[] {
  const calls = [...source.matchAll(importCall)].filter(([, target = '']) => !onDemand[file]?.includes(target));
  return calls.map(({ index }) => `${file}:${lineAt(source, index)}: imports stand at the top, not inside code`);
}

function unwantedOffences(file: string, source: string): string[] {
  if (/\.test\.tsx?$/.test(file)) return [];
  const held = unwanted.filter(({ room }) => isWithin(file, room));
  return source.split('\n').flatMap((line, index) => {
    const found = held.filter(({ text }) => text.test(line));
    return found.map(({ instead }) => `${file}:${index + 1}: ${instead}: ${line.trim()}`);
  });
}

/** Circles of imports that exist at run time; types are gone by then, so they may point both ways. */
function circles(importsByFile: Map<string, Import[]>): string[] {
  const found: string[] = [];
  const finished = new Set<string>();
  function walk(file: string, path: string[]): void {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (path.includes(file) || finished.has(file)) return;
    for (const { target, typeOnly } of importsByFile.get(file) ?? []) {
      if (!typeOnly) walk(target, [...path, file]);
    }
    finished.add(file);
  }
  for (const file of importsByFile.keys()) walk(file, []);
  return found.map((circle) => `circle: ${circle}`);
}

const importsByFile = new Map([...sources].map(([file, source]) => [file, importsOf(file, source)]));
const offences = [
  ...[...importsByFile].flatMap(([file, imports]) => roomOffences(file, imports)),
  ...[...sources].flatMap(([file, source]) => inCodeOffences(file, source)),
  ...[...sources].flatMap(([file, source]) => unwantedOffences(file, source)),
  ...circles(importsByFile),
  ...unusedRules(),
];

for (const offence of offences) console.error(offence);
if (offences.length > 0) process.exit(1);
console.log(`${sources.size} files import only what they may.`);
