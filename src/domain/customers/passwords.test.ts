import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { hash } from '@node-rs/argon2';
import { hashPassword, passwordMatches } from './passwords.ts';

/** A hash's algorithm and parameters, and how long salt and hash are. */
const shapeOf = (text: string) => text.split('$').map((part, index) => (index < 4 ? part : part.length));

describe('hashPassword', () => {
  describe('when the same password is hashed twice', () => {
    test('gives two hashes of argon2id, with the parameters in them', async () => {
      const [one, two] = await Promise.all([hashPassword('open sesame'), hashPassword('open sesame')]);
      expect(one).toStartWith('$argon2id$v=19$m=19456,t=2,p=1$');
      expect(one).not.toBe(two);
    });
  });
});

describe('passwordMatches', () => {
  describe('when there is no hash', () => {
    test('compares with one of the same parameters, so that the work is the same', async () => {
      const source = await Bun.file(join(import.meta.dir, 'passwords.ts')).text();
      const decoys = source.match(/\$argon2id[\w$=,+/]+/g);
      const real = await hashPassword('open sesame');
      expect(decoys?.map(shapeOf)).toEqual([shapeOf(real)]);
    });
  });

  describe('when the same characters are written in other ways', () => {
    const composed = 'm\u00fcllers kaffee';
    const decomposed = 'mu\u0308llers kaffee';

    test('takes both', async () => {
      for (const password of [composed, decomposed]) {
        const stored = await hashPassword(password);
        expect(await passwordMatches(stored, composed)).toBe(true);
        expect(await passwordMatches(stored, decomposed)).toBe(true);
      }
    });

    test('takes what was hashed as it was sent, before NFC', async () => {
      const old = await hash(decomposed);
      expect(await passwordMatches(old, decomposed)).toBe(true);
      expect(await passwordMatches(old, 'another one')).toBe(false);
    });
  });

  describe('when there is a hash', () => {
    test('is true for its password alone', async () => {
      const hash = await hashPassword('Öffne dich 🦉');
      expect(await passwordMatches(hash, 'Öffne dich 🦉')).toBe(true);
      for (const guess of ['öffne dich 🦉', 'Öffne dich', '', `${hash}`]) {
        expect(await passwordMatches(hash, guess)).toBe(false);
      }
    });
  });

  describe('when there is none', () => {
    test('is false for every password', async () => {
      expect(await passwordMatches(undefined, '')).toBe(false);
      expect(await passwordMatches(undefined, 'open sesame')).toBe(false);
    });
  });
});
