import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { Glob } from 'bun';
import packageJson from '../package.json' with { type: 'json' };
import { answers } from '../src/middleware/problem.ts';
import { readSettings } from '../src/settings.ts';
import { version } from '../src/telemetry/version.ts';
import { createProduct, request, signInAdmin } from './support/client.ts';
import { type Shop, startShop } from './support/shop.ts';

const root = join(import.meta.dir, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const readme = read('README.md');
const documents = ['*.md', 'clients/*/*.md', 'docs/**/*.md', 'patches/*.md'].flatMap((pattern) => [
  ...new Glob(pattern).scanSync(root),
]);

/** The text between a heading and the next one of its level. */
function section(document: string, heading: string): string {
  const [, text] = document.split(`\n## ${heading}\n`);
  if (text === undefined) throw new Error(`There is no section ${heading}.`);
  return text.split('\n## ')[0] ?? '';
}

/** The cells of every row of the tables in a text, headings and rules left out. */
function rows(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  const cells = lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return cells.filter((row, index) => !isRule(row) && !isRule(cells[index + 1] ?? []));
}

function isRule(row: string[]): boolean {
  return row.length > 0 && row.every((cell) => /^-+$/.test(cell));
}

/** What stands in the first code span of a cell. */
function code(cell: string | undefined): string {
  return /`([^`]+)`/.exec(cell ?? '')?.[1] ?? '';
}

describe('README.md › the API table', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await startShop({ workers: 0 });
  });
  afterAll(() => shop.stop());

  test('has every route of the OpenAPI document › and no other', async () => {
    const { body } = await request<{ paths: Record<string, object> }>(shop.url, 'GET', '/openapi.json');
    const declared = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    const documented = rows(section(readme, 'API')).map(([route]) => code(route));
    expect(documented.toSorted()).toEqual(declared.toSorted());
  });

  test('the session above it › works word for word', async () => {
    await createProduct(shop.url, await signInAdmin(shop.url), { stock: 5 });
    const [, session = ''] = section(readme, 'A first order').split(/```(?:sh)?\n/);
    const shell = Bun.spawn(['sh', '-euc', session.replace('http://127.0.0.1:3000', shop.url)]);
    const output = await new Response(shell.stdout).text();
    expect(await shell.exited).toBe(0);
    expect(output.match(/"status":"pending"/g)).toHaveLength(3 * 2);
    expect(output).toContain('Idempotent-Replayed: true');
  });
});

test('README.md › the errors › have every code', () => {
  const text = section(readme, 'API') + section(readme, 'Errors');
  const missing = Object.keys(answers).filter((name) => !text.includes(`\`${name}\``));
  expect(missing).toEqual([]);
});

test('README.md › the promises › each name a test', () => {
  const promises = rows(section(readme, 'What you can rely on'));
  expect(promises).not.toBeEmpty();
  expect(promises.filter(([, , proof]) => !proof?.includes('](tests/'))).toEqual([]);
});

describe('README.md › the settings', () => {
  const documented = rows(section(readme, 'Settings')).map(([name, value]) => ({
    name: code(name),
    value: code(value),
  }));

  test('have every setting › and no other', () => {
    const [, schema = ''] = read('src/settings.ts').split('const environmentSchema');
    const settings = [...schema.matchAll(/^ {2}([A-Z_]+): /gm)].map(([, name = '']) => name);
    expect(settings).not.toBeEmpty();
    expect(documented.map(({ name }) => name).toSorted()).toEqual(settings.toSorted());
  });

  const withDefault = documented.filter(({ value }) => value !== '');
  test.each(withDefault)('$name › has the default $value', ({ name, value }) => {
    expect(readSettings({ [name]: value })).toEqual(readSettings({}));
  });
});

describe('package.json', () => {
  test('its version › is the one that the processes tell', () => {
    expect(version).toBe(packageJson.version);
  });

  test('its version › is that of the client package', () => {
    expect(JSON.parse(read('clients/typescript/package.json')).version).toBe(packageJson.version);
  });

  test('dependencies › are those of docs/dependencies.md', () => {
    const documented = rows(read('docs/dependencies.md')).map(([name]) => code(name));
    const { dependencies, devDependencies } = packageJson;
    expect(documented.toSorted()).toEqual(Object.keys({ ...dependencies, ...devDependencies }).toSorted());
  });

  test.each(Object.keys(packageJson.scripts))('the script %s › is explained', (name) => {
    const command = ['start', 'test'].includes(name) ? `npm ${name}` : `npm run ${name}`;
    expect(readme + read('CONTRIBUTING.md')).toMatch(new RegExp(`\`${command}[ \`]`));
  });
});

describe('links', () => {
  test.each(documents)('of %s › lead somewhere', (document) => {
    const targets = [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const broken = targets.filter((target) => !leadsSomewhere(document, target));
    expect(broken).toEqual([]);
  });
});

function leadsSomewhere(document: string, target: string): boolean {
  if (/^https?:/.test(target)) return true;
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? document : join(dirname(document), path);
  if (!existsSync(join(root, file))) return false;
  return anchor === undefined || headings(read(file)).includes(anchor);
}

/** The anchors that a Markdown page gives its headings. */
function headings(document: string): string[] {
  return [...document.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe('docs/architecture.md', () => {
  test('where it is decided › names files and functions that are there', () => {
    const [, table = ''] = read('docs/architecture.md').split('## Where it is decided');
    const named = rows(table).flatMap(([, file, names = '']) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => ({ file: code(file), name })),
    );
    expect(named.length).toBeGreaterThan(20);
    const wrong = named.filter(({ file, name }) => !new RegExp(`\\b${name}\\b`).test(read(file)));
    expect(wrong).toEqual([]);
  });
});

describe('references', () => {
  const folders = /^(?:src|tests|scripts|standalone|bench|deploy)\/|^[\w-]+\.ts$/;
  const { stdout } = Bun.spawnSync(['git', 'ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root });
  const files = stdout
    .toString()
    .trim()
    .split('\n')
    .filter((file) => existsSync(join(root, file)));
  const commented = files.filter((file) => folders.test(file) && /\.(tsx?|sh|ya?ml|cfg)$/.test(file));
  // What people make, such as the secrets of a cluster.
  files.push(...read('.gitignore').trim().split('\n'));
  const decisions = [...read('docs/decisions.md').matchAll(/^(\d+)\. /gm)].map(([, number]) => number);

  /** The comments of a source, each as one line. */
  function comments(file: string): string[] {
    const isScript = /^\.tsx?$/.test(extname(file));
    const lines = isScript ? /(?:^[ \t]*\/\/.*\n)+|[ \t]\/\/ .*|^[ \t]*\/\*[\s\S]*?\*\//gm : /(?:^[ \t]*#.*\n)+/gm;
    return [...read(file).matchAll(lines)].map(([comment]) =>
      comment.replaceAll(/\s*\n\s*(?:\/\/|\*(?!\/)|#)?\s*/g, ' '),
    );
  }

  /** Whether a name of a file, from the root, from the folder of what names it, or shortened at its front, leads to one. */
  function isFile(name: string, from: string): boolean {
    if (name.startsWith('node_modules/')) return existsSync(join(root, name));
    return files.some((file) => file === name || file.endsWith(`/${name}`) || file === join(dirname(from), name));
  }

  /** What a text names in the forms used here, and that is not there. */
  function broken(text: string, from: string): string[] {
    const named = [
      ...text.matchAll(/(?<![\w/.@:*~<${}-])(?:[\w@.-]+\/)*[\w@.-]+\.(?:tsx?|md|sh|sql|ya?ml)(?![\w/*-]|\.\w)/g),
    ];
    const numbers = [...text.matchAll(/\bdecisions? (\d+)|\bdecisions\.md, (\d+)/g)];
    const sections = [...text.matchAll(/\b(README|SECURITY|CONTRIBUTING|AGENTS|docs\/\w+)(?:\.md)?, "([^"]+)"/g)];
    return [
      ...named.map(([name]) => name).filter((name) => !isFile(name, from)),
      ...numbers.filter(([, a, b]) => !decisions.includes(a ?? b)).map(([reference]) => reference),
      ...sections
        .filter(
          ([, page, title]) => !existsSync(join(root, `${page}.md`)) || !titles(`${page}.md`).includes(title ?? ''),
        )
        .map(([reference]) => reference),
    ];
  }

  const titles = (page: string) => [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, title]) => title);

  test('of comments › lead somewhere, and not to a contract that readers do not have', () => {
    const faults = commented.flatMap((file) =>
      comments(file).flatMap((comment) =>
        [...broken(comment, file), ...(comment.match(/\bcontracts?\b.*/gi) ?? [])].map((fault) => `${file}: ${fault}`),
      ),
    );
    expect(faults).toEqual([]);
  });

  test.each(documents)('of %s to files, decisions and sections › lead somewhere', (document) => {
    expect(broken(read(document), document)).toEqual([]);
  });

  test('that are invented › are found', () => {
    const invented = ['src/nowhere.ts', 'docs/nowhere.md', 'decision 999', 'README, "Nowhere"'];
    expect(broken(`See ${invented.join('; ')}.`, 'src/app.ts')).toEqual(invented);
    const real = 'See src/app.ts, `middleware/problem.ts`, docs/decisions.md, decision 1 and README, "Settings".';
    expect(broken(real, 'src/app.ts')).toEqual([]);
    expect(comments('src/settings.ts').join()).toContain('README, "Settings"');
  });
});
