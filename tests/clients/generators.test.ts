import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { admin } from '../support/client.ts';
import { type Shop, startShop } from '../support/shop.ts';
import { run } from './programs.ts';

const root = join(import.meta.dir, '../..');
const directory = join(import.meta.dir, 'generators');
const bin = join(import.meta.dir, 'node_modules/.bin');
const made = join(directory, 'made');

let shop: Shop;

beforeAll(async () => {
  shop = await startShop({ workers: 0, env: { MAIL_FROM: 'shop@localhost' } });
  rmSync(made, { recursive: true, force: true });
  mkdirSync(made);
  await Bun.write(join(made, 'openapi.json'), await fetch(`${shop.url}/openapi.json`));
});

afterAll(() => shop.stop());

test('the document › given to three generators › becomes three clients', async () => {
  const commands = [
    ['openapi-ts', '-f', 'hey-api.config.ts'],
    ['openapi-typescript', 'made/openapi.json', '-o', 'made/openapi-typescript.ts'],
    ['orval', '--config', 'orval.config.ts'],
  ];
  const ended = await Promise.all(
    commands.map(([program = '', ...args]) => run([join(bin, program), ...args], directory)),
  );
  expect(ended.filter(({ exitCode }) => exitCode !== 0)).toEqual([]);
});

describe('the clients', () => {
  test.concurrent.each(['tsconfig.json', 'tsconfig.hey-api.json'])('compiled by %s › have no fault', async (config) => {
    expect(await run([join(root, 'node_modules/.bin/tsc'), '-p', config], directory)).toEqual({
      exitCode: 0,
      output: '',
    });
  });

  // One after the other, since passwords are what a shop takes longest for.
  test.each(['hey-api', 'openapi-fetch', 'orval'])("of %s › play a purchase and an admin's day", async (name) => {
    const command = [process.execPath, `${name}.ts`, shop.url, admin.email, admin.password];
    expect(await run(command, directory)).toEqual({ exitCode: 0, output: '' });
  });
});
