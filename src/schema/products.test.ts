import { describe, expect, test } from 'bun:test';
import { encodeCursor } from './paging.ts';
import { productQuerySchema, sortField } from './products.ts';

describe('productQuerySchema', () => {
  describe('when no sort is asked for', () => {
    test('puts the newest first, and the best match first in a search', () => {
      expect(productQuerySchema.parse({}).sort).toBe('-createdAt');
      expect(productQuerySchema.parse({ q: 'mug' }).sort).toBeNull();
    });

    test('takes a search for nothing for no search', () => {
      const none = JSON.stringify(productQuerySchema.parse({}));
      for (const q of ['', '   ']) expect(JSON.stringify(productQuerySchema.parse({ q }))).toBe(none);
    });
  });

  describe('when a sort is asked for', () => {
    test('keeps it, in a search too', () => {
      expect(productQuerySchema.parse({ q: 'mug', sort: 'name' }).sort).toBe('name');
    });
  });

  describe('when a cursor is sent', () => {
    const id = '019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3c';

    test.each([
      ['-createdAt', null],
      ['priceCents', 5],
      ['-name', 'mug'],
    ] as const)('takes the key that goes with %s, and no other', (sort, key) => {
      for (const other of [null, 5, 'mug']) {
        const cursor = encodeCursor({ sort, page: 2, key: other, id });
        expect(productQuerySchema.safeParse({ sort, cursor }).success).toBe(other === key);
      }
    });

    test('refuses it in a ranked search, which has no cursors', () => {
      const cursor = encodeCursor({ sort: '-createdAt', page: 2, key: null, id });
      expect(productQuerySchema.safeParse({ q: 'mug', cursor }).success).toBe(false);
    });
  });
});

describe('sortField', () => {
  describe('when the sort runs backwards', () => {
    test('leaves the direction off', () => {
      expect(sortField('-priceCents')).toBe('priceCents');
      expect(sortField('createdAt')).toBe('createdAt');
    });
  });
});
