import { describe, expect, test } from 'bun:test';
import { mailIdOf, mailToken } from './mail-token.ts';

const secret = 'a secret of exactly 32 letters..';
const mailId = '01890a5d-ac96-774b-bcce-b302099a8057';
const token = mailToken(secret, 'password_reset', mailId);

describe('mailToken', () => {
  test('when it is asked twice › gives the same token, of characters that any URL can hold', () => {
    expect(mailToken(secret, 'password_reset', mailId)).toBe(token);
    expect(token).toMatch(/^[\w-]{64}$/);
  });

  test('when secret, kind or mail differ › gives another', () => {
    const others = [
      mailToken(`${secret}.`, 'password_reset', mailId),
      mailToken(secret, 'email_verification', mailId),
      mailToken(secret, 'password_reset', mailId.replace('8057', '8058')),
    ];
    expect(new Set([token, ...others]).size).toBe(4);
    // Not so much as its last half gives away another one's.
    expect(new Set([token, ...others].map((each) => each.slice(-32))).size).toBe(4);
  });
});

describe('mailIdOf', () => {
  test('when the token is genuine › gives the mail back', () => {
    expect(mailIdOf(secret, 'password_reset', token)).toBe(mailId);
  });

  test('when it is of another secret or kind › gives nothing', () => {
    expect(mailIdOf(`${secret}.`, 'password_reset', token)).toBeNull();
    expect(mailIdOf(secret, 'email_verification', token)).toBeNull();
  });

  test('when any one character differs › gives nothing', () => {
    for (let index = 0; index < token.length; index += 1) {
      const other = token[index] === 'A' ? 'B' : 'A';
      expect(
        mailIdOf(secret, 'password_reset', `${token.slice(0, index)}${other}${token.slice(index + 1)}`),
      ).toBeNull();
    }
  });

  test.each([
    ['', 'empty'],
    [token.slice(1), 'cut'],
    [`${token}A`, 'longer'],
    [`${token} `, 'followed by a space'],
    [`${token}=`, 'padded'],
    [`${token.slice(0, 20)}\n${token.slice(20)}`, 'broken by a line'],
    ['…'.repeat(64), 'of other characters'],
  ])('when it is %p, %s › gives nothing', (text) => {
    expect(mailIdOf(secret, 'password_reset', text)).toBeNull();
  });
});
