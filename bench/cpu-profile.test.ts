import { expect, test } from 'bun:test';
import { microsByOwner } from './cpu-profile.ts';

const frame = (url: string) => ({ url });

const profile = {
  nodes: [
    { id: 1, callFrame: frame(''), children: [2, 6] },
    { id: 2, callFrame: frame('file:///shop/src/routes/orders.ts'), children: [3] },
    { id: 3, callFrame: frame('file:///shop/node_modules/@hono/zod-openapi/dist/index.js'), children: [4] },
    { id: 4, callFrame: frame('file:///shop/node_modules/zod/v4/core.js'), children: [5] },
    { id: 5, callFrame: frame('') },
    { id: 6, callFrame: frame('file:///shop/src/app.ts') },
  ],
  startTime: 1_000_000,
  samples: [2, 3, 4, 5, 5, 6, 1],
  timeDeltas: [1_000, 1_000, 1_000, 1_000, 9_000, 1_000, 1_000],
};

test('microsByOwner › counts a sample for the room or the package that it runs for, whatever is idle in between', () => {
  expect(Object.fromEntries(microsByOwner(profile, 0, 2_000_000))).toEqual({
    'src/routes': 1_000,
    '@hono/zod-openapi': 1_000,
    zod: 3_000,
    'src/app.ts': 1_000,
    Bun: 1_000,
  });
});

test('microsByOwner › leaves out what was before and after', () => {
  expect(Object.fromEntries(microsByOwner(profile, 1_001_500, 1_003_500))).toEqual({
    '@hono/zod-openapi': 1_000,
    zod: 1_000,
  });
});
