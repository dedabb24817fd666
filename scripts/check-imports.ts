// Holds every import against the rooms of docs/architecture.md. Biome sees to barrel files and to Bun's own modules.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Glob } from 'bun';

/**
 * What each room may import beside `node:` modules: files, folders and packages. `type` in front admits types alone.
 * Tests, scripts, tests/ and standalone/ may import anything.
 */
const mayImport: Record<string, readonly string[]> = {
  'index.ts': ['src/app.ts', 'src/process.ts', 'src/services.ts', 'src/settings.ts', '@hono/node-server'],
  'worker.ts': ['src/process.ts', 'src/services.ts', 'src/settings.ts'],
  'src/app.ts': ['src/routes', 'src/schema', 'src/errors.ts', 'type src/services.ts', 'hono', '@hono'],
  'src/services.ts': [
    'src/cache',
    'src/db',
    'src/domain',
    'src/jobs',
    'src/deadline.ts',
    'src/errors.ts',
    'src/lane.ts',
    'src/settings.ts',
    'ioredis',
    'pino',
    'prom-client',
  ],
  'src/process.ts': ['src/settings.ts', 'type pino'],
  'src/settings.ts': ['zod'],
  'src/errors.ts': [],
  'src/deadline.ts': ['src/errors.ts'],
  'src/lane.ts': ['src/deadline.ts', 'src/errors.ts'],
  'src/routes': [
    'src/cache',
    'src/domain',
    'src/jobs/queues.ts',
    'src/routes',
    'src/schema',
    'src/deadline.ts',
    'src/errors.ts',
    'type src/services.ts',
    'hono',
    '@hono',
    '@scalar',
    'type pino',
    'zod',
  ],
  'src/schema': ['src/schema', 'zod'],
  'src/domain': [
    'src/db',
    'src/domain',
    'src/schema',
    'src/deadline.ts',
    'src/errors.ts',
    'src/lane.ts',
    '@node-rs/argon2',
    'drizzle-orm',
    'uuidv7',
  ],
  'src/db': [
    'src/db',
    'src/schema',
    'src/deadline.ts',
    'src/errors.ts',
    'src/lane.ts',
    'drizzle-orm',
    'postgres',
    'zod',
  ],
  'src/cache': [
    'src/cache',
    'src/schema',
    'src/deadline.ts',
    'src/errors.ts',
    'src/lane.ts',
    'ioredis',
    'rate-limiter-flexible',
  ],
  'src/jobs': [
    'src/db',
    'src/domain',
    'src/jobs',
    'src/schema',
    'src/deadline.ts',
    'src/errors.ts',
    'src/lane.ts',
    'src/process.ts',
    'bullmq',
    'hono/jsx',
    'ioredis',
    'nodemailer',
    'pg',
    'type pino',
  ],
};

type Import = { line: number; target: string; typeOnly: boolean };

const root = join(import.meta.dir, '..');
const statement = /^(?:import|export)\s+(?:(type)\s+)?(?:[\w\s{},*$]*?\sfrom\s+)?'([^']+)'/gm;
const importCall = /^(?!\s*(?:\*|\/\/)).*\bimport\(/gm;
const routeGroup = /^export (?:const|function) \w+Routes\b/m;

const sources = new Map<string, string>();
for (const pattern of ['*.ts', '{src,standalone,scripts,tests}/**/*.{ts,tsx}']) {
  for (const file of new Glob(pattern).scanSync(root)) sources.set(file, readFileSync(join(root, file), 'utf8'));
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

function roomOf(file: string): string | undefined {
  return Object.keys(mayImport).find((room) => isWithin(file, room));
}

function isAllowed(room: string, { target, typeOnly }: Import): boolean {
  if (target.startsWith('node:')) return true;
  return (mayImport[room] ?? []).some((entry) =>
    entry.startsWith('type ') ? typeOnly && isWithin(target, entry.slice('type '.length)) : isWithin(target, entry),
  );
}

function roomOffences(file: string, imports: Import[]): string[] {
  if (/\.test\.tsx?$/.test(file)) return [];
  const room = roomOf(file);
  if (!room) return file.startsWith('src/') ? [`${file}: belongs to no room of scripts/check-imports.ts`] : [];
  const offences: string[] = [];
  for (const found of imports) {
    const at = `${file}:${found.line}`;
    if (!isAllowed(room, found)) offences.push(`${at}: ${room} may not import ${found.target}`);
    if (room === 'src/routes' && routeGroup.test(sources.get(found.target) ?? '')) {
      offences.push(`${at}: a route group may not import another, ${found.target}`);
    }
  }
  return offences;
}

function inCodeOffences(file: string, source: string): string[] {
  const calls = [...source.matchAll(importCall)];
  return calls.map(({ index }) => `${file}:${lineAt(source, index)}: imports stand at the top, not inside code`);
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
  ...circles(importsByFile),
];

for (const offence of offences) console.error(offence);
if (offences.length > 0) process.exit(1);
console.log(`${sources.size} files import only what they may.`);
