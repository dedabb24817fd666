import { describe, expect, test } from 'bun:test';
import { z } from 'zod';
import { checkCursor, encodeCursor, type Position, pageQuery, serializePage } from './paging.ts';

const position: Position = {
  sort: 'name',
  page: 2,
  key: 'Mug "größer" 🫖',
  id: '019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3c',
};

/** The query of a list that is sorted by a text, such as products by name. */
const query = z.strictObject(pageQuery).superRefine((value, context) => checkCursor(value, 'name', context, 'string'));

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('encodeCursor', () => {
  describe('when the cursor comes back', () => {
    test('is read as the position it was made of', () => {
      expect(query.parse({ cursor: encodeCursor(position) }).cursor).toEqual(position);
    });

    test('needs no escaping in a query, whatever the key', () => {
      for (const key of ['ÿÿ>>??', '~~~', null, 1_299, -1]) {
        expect(encodeCursor({ ...position, key })).toMatch(/^[\w-]+$/);
      }
    });
  });
});

describe('pageQuery', () => {
  describe('when nothing is asked for', () => {
    test('leaves the page open and shows 20', () => {
      for (const sent of [{}, { page: '', limit: '', cursor: '' }]) expect(query.parse(sent)).toEqual({ limit: 20 });
    });
  });

  describe('when a cursor is no cursor', () => {
    test.each([
      'nonsense',
      'ä',
      '!!!',
      encode(null),
      encode([]),
      encode('name'),
      encode({}),
      encode({ ...position, id: 'x' }),
      encode({ ...position, page: 0 }),
      encode({ ...position, page: 1.5 }),
      encode({ ...position, key: {} }),
      encode({ ...position, key: 'a\0b' }),
      encode({ ...position, key: 2 ** 31 }),
      encode({ ...position, key: -(2 ** 31) - 1 }),
      'x'.repeat(4_001),
    ])('refuses %s', (cursor) => {
      const paths = z
        .strictObject(pageQuery)
        .safeParse({ cursor })
        .error?.issues.map(({ path }) => path.join('.'));
      expect(new Set(paths)).toEqual(new Set(['cursor']));
    });
  });
});

describe('checkCursor', () => {
  const refusal = (value: unknown) => query.safeParse(value).error?.issues.map(({ message }) => message) ?? [];

  describe('when a cursor cannot go with the rest of the query', () => {
    test('refuses it beside a page', () => {
      expect(refusal({ cursor: encodeCursor(position), page: '2' })).toEqual(['cannot be combined with page']);
    });

    test('lets the first page pass beside it, which forms send', () => {
      expect(query.parse({ cursor: encodeCursor(position), page: '1' }).cursor).toEqual(position);
    });

    test('refuses one of a list in another order', () => {
      expect(refusal({ cursor: encodeCursor({ ...position, sort: '-name' }) })).toEqual([
        'belongs to a list in another order',
      ]);
    });

    test('refuses a key of another type', () => {
      for (const key of [1, null]) expect(refusal({ cursor: encodeCursor({ ...position, key }) })).toHaveLength(1);
    });
  });
});

describe('serializePage', () => {
  describe('when many make large pages at once', () => {
    test('no turn of the event loop makes more than a slice of one', async () => {
      const madePerTurn = [0];
      let counting = true;
      const countTurns = () => {
        madePerTurn.push(0);
        if (counting) setImmediate(countTurns);
      };
      setImmediate(countTurns);
      // Each takes longer than a slice may.
      const slow = (row: number) => {
        const endsAt = performance.now() + 6;
        while (performance.now() < endsAt);
        madePerTurn[madePerTurn.length - 1] = (madePerTurn.at(-1) ?? 0) + 1;
        return row;
      };
      const rows = Array.from({ length: 30 }, (_, index) => index);
      const page = { rows, page: 1, limit: 100, totalItems: 30, nextCursor: null };
      const pages = await Promise.all(Array.from({ length: 10 }, () => serializePage(page, slow)));
      counting = false;
      for (const json of pages) expect(JSON.parse(json).data).toEqual(rows);
      // Two, because counting and making take turns in no certain order.
      expect(Math.max(...madePerTurn)).toBeLessThanOrEqual(2);
    });
  });

  describe('when it goes over the wire', () => {
    test.each([
      [0, 0],
      [1, 1],
      [10, 1],
      [11, 2],
    ])('%d items make %d pages of ten', async (totalItems, totalPages) => {
      const page = { rows: ['a'], page: 1, limit: 10, totalItems, nextCursor: null };
      expect(JSON.parse(await serializePage(page, (row) => row.toUpperCase()))).toEqual({
        data: ['A'],
        pagination: { page: 1, limit: 10, totalItems, totalPages, nextCursor: null },
      });
    });
  });
});
