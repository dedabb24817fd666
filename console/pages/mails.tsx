import { type Mail, unwrap } from '../../clients/typescript/src/index.ts';
import { count, words } from '../format.ts';
import { Choice, DialogForm, Field } from '../forms.tsx';
import { type Column, Filters, Pager, rowsPerPage, Table } from '../lists.tsx';
import { anyOf, progressColumns, sendingStates, troubleColumn } from '../outbox.tsx';
import { base, parametersOf, useAddress } from '../routing.ts';
import { shop } from '../session.ts';
import { announce, Empty, Page, Shown } from '../ui.tsx';
import { useLoaded } from '../work.ts';

type MailTableProps = { mails: Mail[]; onChange: () => void; isOfOrder?: boolean };

/** Mails and how far they are. */
export function MailTable({ mails, onChange, isOfOrder = false }: MailTableProps) {
  async function sendAgain({ id }: Mail): Promise<void> {
    await unwrap(shop.mails[':id'].send.$post({ param: { id } })).finally(onChange);
  }
  const order: Column<Mail> = {
    head: 'Order',
    cell: ({ orderId }) => (orderId ? <a href={`${base}/orders/${orderId}`}>Open</a> : '–'),
    isExtra: true,
  };
  return (
    <Table
      caption="Mails"
      rows={mails}
      keyOf={(mail) => mail.id}
      columns={[
        { head: 'Mail', cell: (mail) => (mail.status ? `Order ${mail.status}` : words(mail.kind)) },
        ...progressColumns<Mail>('Written'),
        {
          head: 'To',
          cell: (mail) => <a href={`${base}/customers/${mail.customerId}`}>Account</a>,
          isExtra: true,
        },
        ...(isOfOrder ? [] : [order]),
        troubleColumn('mail', sendAgain),
      ]}
    />
  );
}

/** What the shop owes and has sent by mail. */
export function MailsPage() {
  const address = useAddress();
  const query = parametersOf(address, ['state', 'orderId', 'customerId', 'cursor', 'page']);
  const mails = useLoaded(address.search, (init) =>
    unwrap(shop.mails.$get({ query: { ...(query as object), limit: rowsPerPage } }, init)),
  );
  async function sendAll(): Promise<void> {
    const { queued } = await unwrap(shop['failed-mails'].send.$post());
    announce(`${count(queued)} mails are queued again.`);
    mails.reload();
  }
  return (
    <Page
      title="Mails"
      actions={
        <DialogForm
          trigger="Send all failed again"
          triggerClass="secondary"
          title="Send all failed mails again"
          submit="Send"
          onSubmit={sendAll}
        >
          <p>Up to 10 000 of them, the oldest first. Each is tried at once, and then for a day.</p>
        </DialogForm>
      }
    >
      <Filters>
        <Choice label="State" name="state" value={query.state} options={anyOf(sendingStates)} />
        {query.orderId ? <Field label="Order" name="orderId" value={query.orderId} /> : null}
        {query.customerId ? <Field label="Customer" name="customerId" value={query.customerId} /> : null}
      </Filters>
      <Shown of={mails} what="mails">
        {({ data, pagination }) =>
          data.length === 0 ? (
            <Empty>
              {query.state === 'failed' ? 'No mail has failed. Nothing is to be done.' : 'There are no such mails.'}
            </Empty>
          ) : (
            <>
              <MailTable mails={data} onChange={mails.reload} />
              <Pager pagination={pagination} what="mails" />
            </>
          )
        }
      </Shown>
    </Page>
  );
}
