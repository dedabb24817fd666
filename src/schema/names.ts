import { line, storable } from './common.ts';

/** Marks that turn the direction of text round, and others that only say how to set what stands beside them. */
const steeringMark = /[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]/u;

/** The joiners that some scripts and emoji need, where there is nothing that they could join. */
const idleJoiner = /(?:^|[\u200c\u200d])[\u200c\u200d]|[\u200c\u200d]$/u;

/** Anything that leaves ink. Fillers and the blank of Braille look like nothing, whatever Unicode calls them. */
const visible = /[^\p{Default_Ignorable_Code_Point}\p{Z}\p{Cc}\p{Cf}\u2800]/u;

/** What mail programs make a link of, in letters that look the same too, and with what cannot be seen in between. */
function holdsLink(name: string): boolean {
  const plain = name.normalize('NFKC').replaceAll(/\p{Default_Ignorable_Code_Point}/gu, '');
  return plain.includes('://') || /www[.\u3002]/i.test(plain);
}

// Before blanks are taken off, because JavaScript counts U+FEFF among them.
const harmless = storable.refine((name) => !steeringMark.test(name), 'must not contain marks that cannot be seen');

/** The name of a person. It goes into mails and admins' lists, so it must neither carry a message nor hide one. */
export const personName = line(1, 100, harmless)
  .refine((name) => !idleJoiner.test(name), 'must not contain a joiner that joins nothing')
  .refine((name) => visible.test(name), 'must contain a character that can be seen')
  .refine((name) => !holdsLink(name), 'must not contain :// or www.')
  .meta({
    description:
      'One line; blanks around it do not count. It holds no `://`, no `www.`, and nothing that cannot be seen or turns text round.',
  });
