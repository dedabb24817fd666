import { unwrap, type WebhookDelivery } from '../../clients/typescript/src/index.ts';
import { count } from '../format.ts';
import { Choice, DialogForm, Field } from '../forms.tsx';
import { Filters, Pager, rowsPerPage, Table } from '../lists.tsx';
import { anyOf, progressColumns, sendingStates, troubleColumn } from '../outbox.tsx';
import { base, parametersOf, useAddress } from '../routing.ts';
import { shop } from '../session.ts';
import { announce, Empty, Page, Shown } from '../ui.tsx';
import { useLoaded } from '../work.ts';

/** What the shop owes to webhooks and has sent to them. */
export function DeliveriesPage() {
  const address = useAddress();
  const query = parametersOf(address, ['state', 'webhookId', 'cursor', 'page']);
  const deliveries = useLoaded(address.search, (init) =>
    unwrap(shop['webhook-deliveries'].$get({ query: { ...(query as object), limit: rowsPerPage } }, init)),
  );
  async function sendAll(): Promise<void> {
    const { queued } = await unwrap(shop['failed-webhook-deliveries'].send.$post());
    announce(`${count(queued)} deliveries are queued again.`);
    deliveries.reload();
  }
  const sendAgain = ({ id }: WebhookDelivery) =>
    unwrap(shop['webhook-deliveries'][':id'].send.$post({ param: { id } })).finally(deliveries.reload);
  return (
    <Page
      title="Webhook deliveries"
      actions={
        <DialogForm
          trigger="Send all failed again"
          triggerClass="secondary"
          title="Send all failed deliveries again"
          submit="Send"
          onSubmit={sendAll}
        >
          <p>Up to 10 000 of them, the oldest first, without those of disabled webhooks.</p>
        </DialogForm>
      }
    >
      <Filters>
        <Choice label="State" name="state" value={query.state} options={anyOf(sendingStates)} />
        {query.webhookId ? <Field label="Webhook" name="webhookId" value={query.webhookId} /> : null}
      </Filters>
      <Shown of={deliveries} what="deliveries">
        {({ data, pagination }) =>
          data.length === 0 ? (
            <Empty>
              {query.state === 'failed'
                ? 'No delivery has failed. Nothing is to be done.'
                : 'There are no such deliveries.'}
            </Empty>
          ) : (
            <>
              <Table
                caption="Deliveries"
                rows={data}
                keyOf={(delivery) => delivery.id}
                columns={[
                  { head: 'Event', cell: (delivery) => delivery.type },
                  ...progressColumns<WebhookDelivery>('Happened'),
                  {
                    head: 'Webhook',
                    cell: (delivery) => <a href={`${base}/webhooks/${delivery.webhookId}`}>Open</a>,
                    isExtra: true,
                  },
                  troubleColumn('delivery', sendAgain),
                ]}
              />
              <Pager pagination={pagination} what="deliveries" />
            </>
          )
        }
      </Shown>
    </Page>
  );
}
