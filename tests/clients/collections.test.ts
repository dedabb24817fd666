import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectionsOf } from '../../scripts/write-collections.ts';
import { admin } from '../support/client.ts';
import { readSource } from '../support/declared.ts';
import { type Shop, startShop } from '../support/shop.ts';
import { run } from './programs.ts';

const programMsMax = 60_000;
const bin = join(import.meta.dir, 'node_modules/.bin');
const source = readSource('clients/http/shop.http');
const written = collectionsOf(source);

/** The requests by name and title, with the status that each is to be answered with. */
const expected = [...source.matchAll(/^### (.+)\n# @name (\w+)\n[\s\S]*?"answers (\d+)"/gm)].map(
  ([, title = '', name = '', status]) => ({ title, name, status: Number(status) }),
);

let shop: Shop;
let directory: string;

/** A file of requests, for the shop at hand. */
function forShop(text: string): string {
  const values: Record<string, string> = { baseUrl: shop.url, adminEmail: admin.email, adminPassword: admin.password };
  return text.replaceAll(/^@(\w+) = .*$/gm, (_line, name: string) => `@${name} = ${values[name]}`);
}

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  directory = mkdtempSync(join(tmpdir(), 'shop-collections-'));
  const files = { ...written, 'shop.http': source };
  for (const [name, text] of Object.entries(files)) await Bun.write(join(directory, name), forShop(text));
});

afterAll(async () => {
  rmSync(directory, { recursive: true });
  await shop.stop();
});

describe('clients/http', () => {
  test('has what scripts/write-collections.ts makes of shop.http', () => {
    for (const [name, text] of Object.entries(written)) expect(readSource(`clients/http/${name}`)).toBe(text);
  });

  test('has requests that are refused, and says so in their titles', () => {
    const refused = expected.filter(({ status }) => status >= 400);
    expect(refused).not.toBeEmpty();
    expect(expected).toHaveLength(source.match(/^### /gm)?.length ?? 0);
    for (const { title } of refused) expect(title).toMatch(/refused|too late|takes a new token/);
  });
});

describe('shop.http', () => {
  test(
    'sent by httpYac › is answered as it says',
    async () => {
      const { exitCode, output } = await run([join(bin, 'httpyac'), 'send', 'shop.http', '--all', '--json'], directory);
      expect(exitCode, output).toBe(0);
      const { requests }: { requests: { name: string; response: { statusCode: number } }[] } = JSON.parse(output);
      expect(requests.map(({ name, response }) => ({ name, status: response.statusCode }))).toEqual(
        expected.map(({ name, status }) => ({ name, status })),
      );
    },
    programMsMax,
  );
});

describe('shop.postman_collection.json', () => {
  test(
    'sent by newman › is answered as it says',
    async () => {
      const settings = Object.entries({ baseUrl: shop.url, adminEmail: admin.email, adminPassword: admin.password });
      const command = [
        ...[join(bin, 'newman'), 'run', 'shop.postman_collection.json', '-e', 'shop.postman_environment.json'],
        ...settings.flatMap(([name, value]) => ['--env-var', `${name}=${value}`]),
        ...['--reporters', 'json', '--reporter-json-export', 'newman.json'],
      ];
      const { exitCode, output } = await run(command, directory);
      expect(exitCode, output).toBe(0);
      const { run: sent }: { run: { executions: { item: { name: string }; response: { code: number } }[] } } =
        await Bun.file(join(directory, 'newman.json')).json();
      expect(sent.executions.map(({ item, response }) => ({ title: item.name, status: response.code }))).toEqual(
        expected.map(({ title, status }) => ({ title, status })),
      );
    },
    programMsMax,
  );
});

describe('shop.rest-client.http', () => {
  /** Sends a file as VS Code's REST Client would, one request after the other, and answers their statuses by name. */
  async function sendAll(text: string): Promise<{ name: string; status: number }[]> {
    const [head = '', ...sections] = text.split(/^###.*\n/m);
    const variables = Object.fromEntries(
      [...head.matchAll(/^@(\w+) = (.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
    );
    const bodies: Record<string, Record<string, string>> = {};
    const resolve = (expression: string) => {
      const [, request = '', member = ''] = /^(\w+)\.response\.body\.(\w+)$/.exec(expression) ?? [];
      const value = expression === '$guid' ? crypto.randomUUID() : (bodies[request]?.[member] ?? variables[expression]);
      if (value === undefined) throw new Error(`{{${expression}}} is nothing here.`);
      return value;
    };
    const statuses = [];
    for (const section of sections) {
      const [, name = ''] = /^# @name (\w+)$/m.exec(section) ?? [];
      const plain = section
        .replaceAll(/^#.*\n/gm, '')
        .trim()
        .replaceAll(/\{\{(.+?)\}\}/g, (_whole, expression: string) => resolve(expression));
      const [, method, url = '', headers = '', body] = /^(\w+) (\S+)((?:\n.+)*)(?:\n\n([\s\S]*))?$/.exec(plain) ?? [];
      const given = [...headers.matchAll(/^([\w-]+): (.+)$/gm)].map(([, key = '', value = '']) => [key, value]);
      const response = await fetch(url, { method, headers: Object.fromEntries(given), ...(body && { body }) });
      const answer = await response.text();
      if (answer !== '') bodies[name] = JSON.parse(answer);
      statuses.push({ name, status: response.status });
    }
    return statuses;
  }

  test('sent as REST Client reads it › is answered as shop.http says', async () => {
    const statuses = await sendAll(forShop(written['shop.rest-client.http'] ?? ''));
    expect(statuses).toEqual(expected.map(({ name, status }) => ({ name, status })));
  });
});
