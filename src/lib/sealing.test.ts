import { describe, expect, test } from 'bun:test';
import { createSealer } from './sealing.ts';

const sealer = createSealer('a secret of an operator', 'tests');

describe('a sealed text', () => {
  test('when it is opened in its context › comes back as it was', async () => {
    for (const text of ['', 'JBSWY3DPEHPK3PXP', 'Ä🛒\0']) {
      expect(await sealer.open(await sealer.seal(text, 'one'), 'one')).toBe(text);
    }
  });

  test('when the same is sealed twice › differs, and shows nothing of what it holds', async () => {
    const [one, other] = await Promise.all([sealer.seal('JBSWY3DP', 'one'), sealer.seal('JBSWY3DP', 'one')]);
    expect(one).not.toBe(other);
    expect(Buffer.from(one, 'base64url').toString('latin1')).not.toContain('JBSWY3DP');
  });

  test('when context, secret, purpose or a single bit is another › does not open', async () => {
    const sealed = await sealer.seal('JBSWY3DP', 'one');
    const bytes = Buffer.from(sealed, 'base64url');
    const flipped = Array.from(bytes, (byte, at) => {
      const changed = Buffer.from(bytes);
      changed[at] = byte ^ 1;
      return changed.toString('base64url');
    });
    for (const each of [...flipped, '', sealed.slice(0, -4)]) {
      expect(await sealer.open(each, 'one').catch(() => 'refused')).toBe('refused');
    }
    expect(await sealer.open(sealed, 'other').catch(() => 'refused')).toBe('refused');
    for (const other of [createSealer('another secret', 'tests'), createSealer('a secret of an operator', 'mails')]) {
      expect(await other.open(sealed, 'one').catch(() => 'refused')).toBe('refused');
    }
  });
});
