import { describe, expect, test } from 'bun:test';
import { hashPassword, passwordMatches } from './passwords.ts';

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
