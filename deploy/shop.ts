// What the image runs: one command of these, such as `shop serve`.

import process from 'node:process';

/** Each of them is a program of its own that runs as it is imported, so importing all of them at the top will not do. */
const commands: Record<string, () => Promise<unknown>> = {
  serve: () => import('../index.ts'),
  work: () => import('../worker.ts'),
  migrate: () => import('../scripts/migrate.ts'),
  'create-admin': () => import('../scripts/create-admin.ts'),
  'check-stock': () => import('../scripts/check-stock.ts'),
  'import-products': () => import('../scripts/import-products.ts'),
  health: () => import('./health.ts'),
};

// The programs read their own arguments where they stand when nothing is in front of them.
const [name = ''] = process.argv.splice(2, 1);
const run = commands[name];
if (run) {
  void run();
} else {
  console.error(`There is no command ${JSON.stringify(name)}. There are: ${Object.keys(commands).join(', ')}.`);
  process.exitCode = 1;
}
