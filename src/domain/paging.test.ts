import { beforeEach, describe, expect, test } from 'bun:test';
import type { PageRequest } from '../schema/paging.ts';
import { pageStart, toPage } from './paging.ts';

const cursor = { sort: 'name', page: 4, key: 'mug', id: '019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3c' };
const place = (row: string) => ({ sort: 'name', key: row, id: cursor.id });
const decode = (text: string | null) => JSON.parse(Buffer.from(text ?? '', 'base64url').toString());

describe('pageStart', () => {
  const asked: number[] = [];
  const rowAt = async (skipped: number) => {
    asked.push(skipped);
    return skipped < 50 ? [{ id: `row ${skipped}`, key: null }] : [];
  };
  beforeEach(() => void asked.splice(0));

  describe('when a page is asked for by number', () => {
    test('is the last row of the page before', async () => {
      expect(await pageStart({ page: 3, limit: 20 }, rowAt)).toEqual({ id: 'row 39', key: null });
      expect(await pageStart({ page: 1_000_000_000, limit: 100 }, rowAt)).toBeNull();
      expect(asked).toEqual([39, 99_999_999_899]);
    });

    test('is nothing for the first page, and nothing is read for it', async () => {
      expect(await pageStart({ limit: 20 }, rowAt)).toBeUndefined();
      expect(await pageStart({ page: 1, limit: 5 }, rowAt)).toBeUndefined();
      expect(asked).toBeEmpty();
    });
  });

  describe('when it is asked for by cursor', () => {
    test('is where the cursor stands, however deep', async () => {
      expect(await pageStart({ cursor, limit: 20 }, rowAt)).toEqual(cursor);
      expect(asked).toBeEmpty();
    });
  });
});

describe('toPage', () => {
  describe('when another page follows', () => {
    test('cuts the extra row off, and points behind the last one shown', () => {
      const page = toPage({ page: 2, limit: 2 }, ['a', 'b', 'c'], 9, place);
      expect(page).toMatchObject({ rows: ['a', 'b'], page: 2, limit: 2, totalItems: 9 });
      expect(decode(page.nextCursor)).toEqual({ ...place('b'), page: 3 });
    });

    test('counts on from the cursor', () => {
      const page = toPage({ cursor, limit: 1 }, ['a', 'b'], 9, place);
      expect(page.page).toBe(4);
      expect(decode(page.nextCursor).page).toBe(5);
    });

    test('has no cursor where there is no place', () => {
      expect(toPage({ limit: 1 }, ['a', 'b'], 9, () => null).nextCursor).toBeNull();
    });
  });

  describe('when it is the last', () => {
    test.each([
      [{ limit: 2 }, ['a', 'b']],
      [{ limit: 2 }, ['a']],
      [{ limit: 2 }, []],
      [{ limit: 2, cursor }, ['a']],
    ] as [PageRequest, string[]][])('has no next cursor: %j', (request, rows) => {
      expect(toPage(request, rows, rows.length, place)).toMatchObject({ rows, nextCursor: null });
    });
  });
});
