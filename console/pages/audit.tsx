import type { Child } from 'hono/jsx/dom';
import { type AuditEvent, unwrap } from '../../clients/typescript/src/index.ts';
import { shortId, words } from '../format.ts';
import { Choice, Field } from '../forms.tsx';
import { Filters, Pager, rowsPerPage, Table } from '../lists.tsx';
import { anyOf } from '../outbox.tsx';
import { addressWith, base, parametersOf, useAddress } from '../routing.ts';
import { shop } from '../session.ts';
import { Empty, Page, Shown, When } from '../ui.tsx';
import { useLoaded } from '../work.ts';

const actions: AuditEvent['action'][] = [
  ...(['created', 'updated', 'email_changed', 'password_changed', 'verified', 'signed_out'] as const).map(
    (each) => `customer.${each}` as const,
  ),
  ...(['totp_enabled', 'totp_disabled', 'deleted', 'restored', 'erased'] as const).map(
    (each) => `customer.${each}` as const,
  ),
  ...(['created', 'updated', 'deleted', 'restored'] as const).map((each) => `product.${each}` as const),
  'stock.changed',
  ...(['status_changed', 'held', 'released', 'address_changed', 'cancelled', 'deleted', 'restored'] as const).map(
    (each) => `order.${each}` as const,
  ),
  'key.created',
  'key.revoked',
  ...(['created', 'updated', 'deleted', 'secret_changed'] as const).map((each) => `webhook.${each}` as const),
];

/** Where the thing that something was done to is shown. */
const placeOf: Record<AuditEvent['subject']['kind'], string | null> = {
  customer: 'customers',
  product: 'products',
  order: 'orders',
  webhook: 'webhooks',
  key: null,
};

function subjectOf({ subject: { kind, id } }: AuditEvent): Child {
  const name = `${words(kind)} ${shortId(id)}`;
  return placeOf[kind] === null ? name : <a href={`${base}/${placeOf[kind]}/${id}`}>{name}</a>;
}

function Actor({ actor: { kind, id } }: Pick<AuditEvent, 'actor'>) {
  const address = useAddress();
  if (id === null) return <>The shop itself</>;
  const theirs = addressWith(new URL(address.pathname, address), { actorId: id });
  return (
    <a href={theirs} aria-label={`All that ${kind} ${shortId(id)} has done`}>
      {words(kind)} {shortId(id)}
    </a>
  );
}

const shownValue = (value: unknown) => (value === null || value === undefined ? 'nothing' : String(value));

/** Of what is personal or secret, only that it has changed is known. */
function saysOf(change: AuditEvent['changes'][string]): string {
  if (!('to' in change) && !('from' in change)) return 'changed';
  return 'from' in change ? `${shownValue(change.from)} → ${shownValue(change.to)}` : shownValue(change.to);
}

function Changes({ changes }: Pick<AuditEvent, 'changes'>) {
  const entries = Object.entries(changes);
  if (entries.length === 0) return <>–</>;
  return (
    <ul class="changes">
      {entries.map(([field, change]) => (
        <li key={field}>
          <code>{field}</code> {saysOf(change)}
        </li>
      ))}
    </ul>
  );
}

/** Who did what. */
export function AuditPage() {
  const address = useAddress();
  const query = parametersOf(address, ['action', 'actorId', 'subjectId', 'cursor', 'page']);
  const events = useLoaded(address.search, (init) =>
    unwrap(shop['audit-events'].$get({ query: { ...(query as object), limit: rowsPerPage } }, init)),
  );
  return (
    <Page title="Audit">
      <Filters>
        <Choice label="What was done" name="action" value={query.action} options={anyOf(actions)} />
        <Field label="By (id)" name="actorId" type="search" value={query.actorId ?? ''} />
        <Field label="To (id)" name="subjectId" type="search" value={query.subjectId ?? ''} />
      </Filters>
      <Shown of={events} what="events">
        {({ data, pagination }) =>
          data.length === 0 ? (
            <Empty>Nothing like this was done. What the schedule does by itself is not kept here.</Empty>
          ) : (
            <>
              <Table
                caption="What was done"
                rows={data}
                keyOf={(event) => event.id}
                columns={[
                  { head: 'When', cell: (event) => <When at={event.at} /> },
                  { head: 'What', cell: (event) => words(event.action) },
                  { head: 'To', cell: subjectOf, isWhole: true },
                  { head: 'By', cell: (event) => <Actor actor={event.actor} />, isWhole: true, isExtra: true },
                  { head: 'Changes', cell: (event) => <Changes changes={event.changes} />, isExtra: true },
                  { head: 'Request', cell: (event) => event.requestId ?? '–', isExtra: true },
                ]}
              />
              <Pager pagination={pagination} what="events" />
            </>
          )
        }
      </Shown>
    </Page>
  );
}
