// What mails and webhook deliveries have in common: how far they are, what went wrong, and that they can be sent again.

import type { Mail } from '../clients/typescript/src/index.ts';
import { words } from './format.ts';
import { ActionButton } from './forms.tsx';
import type { Column } from './lists.tsx';
import { Badge, When } from './ui.tsx';

/** What the shop owes to the outside, or has sent. */
type Owed = Pick<Mail, 'state' | 'attempts' | 'lastError' | 'createdAt' | 'nextAttemptAt' | 'sentAt'>;

/** How far what the shop owes to the outside is. */
export const sendingStates = ['queued', 'sending', 'sent', 'failed'] as const;

/** Choices for a filter, with none of them first. */
export const anyOf = (values: readonly string[]) =>
  [['', 'Any'], ...values.map((value) => [value, words(value)] as const)] as const;

/** How far each is. @param createdHead what stands above the moment from which it was owed */
export function progressColumns<Row extends Owed>(createdHead: string): Column<Row>[] {
  return [
    { head: 'State', cell: ({ state }) => <Badge>{state}</Badge> },
    { head: createdHead, cell: ({ createdAt }) => <When at={createdAt} />, isExtra: true },
    { head: 'Sent', cell: ({ sentAt }) => (sentAt ? <When at={sentAt} /> : '–'), isExtra: true },
    { head: 'Attempts', cell: ({ attempts }) => attempts, isFigure: true, isExtra: true },
  ];
}

/** What went wrong with each, and a button for one that was given up. */
export function troubleColumn<Row extends Owed>(
  what: 'mail' | 'delivery',
  sendAgain: (row: Row) => Promise<unknown>,
): Column<Row> {
  return {
    head: 'Trouble',
    cell: (row) => (
      <>
        <span class="breaking">{row.lastError ?? '–'}</span>
        {row.nextAttemptAt && row.lastError ? (
          <>
            {' '}
            Next attempt <When at={row.nextAttemptAt} />.
          </>
        ) : null}
        {row.state === 'failed' ? (
          <ActionButton done={`The ${what} is queued again.`} onAct={() => sendAgain(row)}>
            Send again
          </ActionButton>
        ) : null}
      </>
    ),
  };
}
