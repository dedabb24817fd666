import { describe, expect, test } from 'bun:test';
import type { Call } from './calls.ts';
import { type AnsweredCall, explain } from './explain.ts';
import { answerTo } from './rules.ts';
import { caughtUp, emptyShop, identify, type ShopState } from './state.ts';
import { shopView } from './views.ts';
import { hoursUntil } from './wire.ts';

const by = 'session';

/** Ada, signed in, and five mugs. */
const shop: ShopState = {
  ...emptyShop,
  accounts: {
    ada: {
      name: 'Ada',
      email: 'ada@example.com',
      phone: null,
      role: 'customer',
      password: 'open sesame',
      version: 1,
      sessions: [{ name: by, version: 1 }],
      open: true,
      verified: false,
      tokens: {},
    },
  },
  products: {
    mug: { name: 'mug', sku: null, description: null, priceCents: 100, tags: [], stock: 5, version: 1, deleted: false },
  },
};

const place = (name: string): Call => ({
  kind: 'place order',
  name,
  by,
  lines: [{ product: 'mug', quantity: 3 }],
  street: null,
  key: 'key',
});
const cancel = (name: string): Call => ({ kind: 'cancel order', name, by, order: 'order' });
const changePassword: Call = {
  kind: 'change password',
  name: 'change',
  by,
  currentPassword: 'open sesame',
  newPassword: 'close sesame',
};

/** What comes of calls that are served one after the other. */
function serve(start: ShopState, ...calls: Call[]): { made: AnsweredCall[]; end: ShopState } {
  let end = start;
  const made = calls.map((call) => {
    const { answer, state } = answerTo(end, call, identify(end, by));
    end = state;
    return { call, answer };
  });
  return { made, end };
}

const { end: ordered } = serve(shop, place('order'));
const late = { ...ordered, hour: 2 };

describe('explain', () => {
  test('finds the order in which calls were served', () => {
    const { made, end } = serve(ordered, cancel('one'), cancel('other'));
    expect(made.map(({ answer }) => answer.status)).toEqual([200, 409]);
    expect(explain(ordered, made.toReversed(), shopView(end))).toEqual(end);
  });

  test('lets steps come before and after what was called', () => {
    for (const ready of [late, caughtUp(late)]) {
      const { made, end } = serve(ready, cancel('one'));
      expect(explain(late, made, shopView(caughtUp(end)))).toEqual(caughtUp(end));
    }
  });

  test('lets a call go on whose token has died since', () => {
    const { made: changed, end: before } = serve(ordered, changePassword);
    const { answer, state: end } = answerTo(before, cancel('one'), identify(ordered, by));
    expect(explain(ordered, [...changed, { call: cancel('one'), answer }], shopView(end))).toEqual(end);
  });

  test('knows no order in which both of two calls did what only one could', () => {
    const { made, end } = serve(ordered, cancel('one'));
    const twice = [...made, ...made.map(({ answer }) => ({ call: cancel('other'), answer }))];
    expect(explain(ordered, twice, shopView(end))).toBeNull();
  });

  test('knows no order that ends in anything else than what is seen', () => {
    const { made } = serve(ordered, cancel('one'));
    expect(explain(ordered, made, shopView(ordered))).toBeNull();
  });

  test('believes that a key is in use only when another call used it', () => {
    const { made, end } = serve(shop, place('order'));
    const busy: AnsweredCall = { call: place('other'), answer: { status: 409, code: 'idempotency_in_progress' } };
    expect(explain(shop, [...made, busy], shopView(end))).toEqual(end);
    expect(explain(shop, [busy], shopView(shop))).toBeNull();
  });
});

describe('the hours until a moment', () => {
  test.each([
    ['an hour', 3_600_000, 1],
    ['a second', 1_000, 1],
    ['a second ago', -1_000, 0],
    ['an hour and a second ago', -3_601_000, -1],
  ])('when it is %s from now › are whole, and none is -0', (_when, ms, hours) => {
    expect(Object.is(hoursUntil(new Date(Date.now() + ms).toISOString()), hours)).toBe(true);
  });
});
