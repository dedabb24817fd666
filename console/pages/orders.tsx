import { type Order, unwrap } from '../../clients/typescript/src/index.ts';
import { money, words } from '../format.ts';
import { Check, Choice, DialogForm, Field, textOf } from '../forms.tsx';
import { Filters, Pager, rowsPerPage, Table } from '../lists.tsx';
import { base, parametersOf, useAddress } from '../routing.ts';
import { shop } from '../session.ts';
import { Badge, Empty, Page, Shown, saveFile, When } from '../ui.tsx';
import { fileOf, useLoaded } from '../work.ts';

export const orderStatuses = ['pending', 'processing', 'shipped', 'delivered', 'cancelled'] as const;

/** What an order is, in badges. */
export function StatusOf({ order }: { order: Order }) {
  return (
    <span class="badges">
      <Badge>{order.status}</Badge>
      {order.hold ? <Badge>on hold</Badge> : null}
      {order.deletedAt ? <Badge>deleted</Badge> : null}
    </span>
  );
}

/** Saves orders as a file, as the API exports them. */
async function exportOrders(data: FormData): Promise<void> {
  const format = textOf(data, 'format') === 'ndjson' ? 'ndjson' : 'csv';
  const days = { from: textOf(data, 'from') || undefined, to: textOf(data, 'to') || undefined };
  saveFile(await fileOf(shop.exports.orders.$get({ query: { format, ...days } })), `orders.${format}`);
}

function ExportOrders() {
  return (
    <DialogForm trigger="Export" triggerClass="secondary" title="Export orders" submit="Save" onSubmit={exportOrders}>
      <Field label="From" name="from" type="date" hint="Days in UTC, both included; all when left out." />
      <Field label="To" name="to" type="date" />
      <Choice
        label="Format"
        name="format"
        options={[
          ['csv', 'CSV, a line for each line of an order'],
          ['ndjson', 'NDJSON, an order a line'],
        ]}
      />
    </DialogForm>
  );
}

/** The orders of the shop. */
export function OrdersPage() {
  const address = useAddress();
  const query = parametersOf(address, ['number', 'status', 'customerId', 'includeDeleted', 'cursor', 'page']);
  const orders = useLoaded(address.search, (init) =>
    // The API judges what stands in an address, which anybody may have typed.
    unwrap(shop.orders.$get({ query: { ...(query as object), limit: rowsPerPage } }, init)),
  );
  return (
    <Page title="Orders" actions={<ExportOrders />}>
      <Filters>
        <Field label="Number" name="number" type="search" value={query.number ?? ''} placeholder="K7Q2-94XM-5T" />
        <Choice
          label="Status"
          name="status"
          value={query.status}
          options={[['', 'Any'], ...orderStatuses.map((status) => [status, words(status)] as const)]}
        />
        {query.customerId ? <Field label="Customer" name="customerId" value={query.customerId} /> : null}
        <Check label="Deleted ones, too" name="includeDeleted" checked={query.includeDeleted === 'true'} />
      </Filters>
      <Shown of={orders} what="orders">
        {({ data, pagination }) =>
          data.length === 0 ? (
            <Empty>
              {address.search
                ? 'No order is like this: change what you look for, or show all.'
                : 'There are no orders yet. The first one will be here as soon as a customer has placed it.'}
            </Empty>
          ) : (
            <>
              <Table
                caption="Orders"
                rows={data}
                keyOf={(order) => order.id}
                columns={[
                  {
                    head: 'Number',
                    cell: (order) => <a href={`${base}/orders/${order.id}`}>{order.number}</a>,
                    isWhole: true,
                  },
                  { head: 'Status', cell: (order) => <StatusOf order={order} /> },
                  { head: 'Placed', cell: (order) => <When at={order.createdAt} />, isExtra: true },
                  { head: 'Goes to', cell: (order) => order.shippingAddress?.name ?? '–', isExtra: true },
                  {
                    head: 'Units',
                    cell: ({ items }) => items.reduce((sum, { quantity }) => sum + quantity, 0),
                    isFigure: true,
                    isExtra: true,
                  },
                  { head: 'Total', cell: (order) => money(order.totalCents, order.currency), isFigure: true },
                  {
                    head: 'Next step',
                    cell: ({ nextStatusAt }) => (nextStatusAt ? <When at={nextStatusAt} /> : '–'),
                    isExtra: true,
                  },
                ]}
              />
              <Pager pagination={pagination} what="orders" />
            </>
          )
        }
      </Shown>
    </Page>
  );
}
