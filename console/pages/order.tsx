import { type Order, type ShippingAddressInput, unwrap } from '../../clients/typescript/src/index.ts';
import { money, words } from '../format.ts';
import { AreaField, DialogForm, Field, textOf, textOrNull } from '../forms.tsx';
import { Table } from '../lists.tsx';
import { base } from '../routing.ts';
import { shop } from '../session.ts';
import { announce, Empty, Facts, Page, Section, Shown, When } from '../ui.tsx';
import { unlessGone, useLoaded } from '../work.ts';
import { MailTable } from './mails.tsx';
import { StatusOf } from './orders.tsx';

type Status = Order['status'];

/** Which step follows which; the API has the last word. */
const nextOf: Partial<Record<Status, Status>> = { pending: 'processing', processing: 'shipped', shipped: 'delivered' };
const stepNames: Partial<Record<Status, string>> = {
  processing: 'Start processing',
  shipped: 'Ship',
  delivered: 'Mark as delivered',
};
const hasParcel = (status: Status) => status === 'shipped' || status === 'delivered';

function TrackingFields({ shipment }: Pick<Order, 'shipment'>) {
  return (
    <>
      <Field label="Carrier" name="carrier" value={shipment?.carrier ?? ''} hint="Optional, like the rest." />
      <Field label="Tracking number" name="trackingNumber" value={shipment?.trackingNumber ?? ''} />
      <Field label="Tracking URL" name="trackingUrl" type="url" value={shipment?.trackingUrl ?? ''} />
    </>
  );
}

const trackingOf = (data: FormData) => ({
  carrier: textOrNull(data, 'carrier'),
  trackingNumber: textOrNull(data, 'trackingNumber'),
  trackingUrl: textOrNull(data, 'trackingUrl'),
});

type ActionsProps = { order: Order; onChange: () => void };

/** What can be done with an order in its status. */
function OrderActions({ order, onChange }: ActionsProps) {
  const { id, number, status, hold, deletedAt, shipment } = order;
  const target = { param: { id } };
  const next = nextOf[status];
  const isOver = status === 'cancelled' || deletedAt !== null;

  /** Whether it succeeded or not, the order may be another one now. */
  async function act(work: Promise<unknown>, done: string): Promise<void> {
    try {
      await work;
      announce(`Order ${number} ${done}.`);
    } finally {
      onChange();
    }
  }
  const move = (to: Status, data?: FormData) =>
    act(
      unwrap(shop.orders.status[':id'].$patch({ ...target, json: { status: to, ...(data ? trackingOf(data) : {}) } })),
      `is ${to}`,
    );
  const doNow = (text: string, done: string, work: () => Promise<unknown>, isDangerous = false, asks = '') => (
    <DialogForm
      key={text}
      trigger={text}
      {...(isDangerous ? {} : { triggerClass: 'secondary' })}
      isDangerous={isDangerous}
      title={`${text}: ${number}`}
      onSubmit={() => act(work(), done)}
    >
      <p>{asks}</p>
    </DialogForm>
  );

  return (
    <div class="actions" key={id}>
      {next && !isOver && !hasParcel(next) ? (
        <DialogForm
          key="step"
          trigger={stepNames[next] ?? words(next)}
          title={`${stepNames[next]}: ${number}`}
          onSubmit={() => move(next)}
        >
          <p>The customer is told by mail.</p>
        </DialogForm>
      ) : null}
      {next && !isOver && hasParcel(next) ? (
        <DialogForm
          key={next}
          trigger={stepNames[next] ?? words(next)}
          title={`${stepNames[next]}: ${number}`}
          onSubmit={(data) => move(next, data)}
        >
          <p>The customer is told by mail.</p>
          <TrackingFields shipment={shipment} />
        </DialogForm>
      ) : null}
      {hasParcel(status) && !isOver ? (
        <DialogForm
          key="tracking"
          trigger="Change tracking"
          triggerClass="secondary"
          title={`Change tracking: ${number}`}
          submit="Save"
          onSubmit={(data) =>
            act(
              unwrap(shop.orders.status[':id'].$patch({ ...target, json: { status, ...trackingOf(data) } })),
              'has its tracking changed',
            )
          }
        >
          <p>No mail is sent for this.</p>
          <TrackingFields shipment={shipment} />
        </DialogForm>
      ) : null}
      {hold
        ? doNow(
            'Release',
            'is released',
            () => unwrap(shop.orders.release[':id'].$patch(target)),
            false,
            'It moves on by itself again, one whole interval from now.',
          )
        : null}
      {next && !hold && !isOver ? (
        <DialogForm
          key="hold"
          trigger="Hold"
          triggerClass="secondary"
          title={`Hold: ${number}`}
          onSubmit={(data) =>
            act(
              unwrap(shop.orders.hold[':id'].$patch({ ...target, json: { reason: textOf(data, 'reason') } })),
              'is on hold',
            )
          }
        >
          <AreaField label="Reason" name="reason" rows={3} hint="For you and other staff. Customers do not see it." />
        </DialogForm>
      ) : null}
      {isOver
        ? doNow(
            'Restore',
            'is pending again',
            () => unwrap(shop.orders.restore[':id'].$patch(target)),
            false,
            'It takes its stock again and starts over. The customer is told by mail.',
          )
        : null}
      {!isOver && !hasParcel(status)
        ? doNow(
            'Cancel order',
            'is cancelled',
            () => unwrap(shop.orders.cancel[':id'].$patch(target)),
            true,
            'Its stock comes back. The customer is told by mail.',
          )
        : null}
      {deletedAt === null
        ? doNow(
            'Delete',
            'is deleted',
            () => unlessGone(unwrap(shop.orders[':id'].$delete(target))),
            true,
            'An order that still runs is cancelled by it. You can restore it.',
          )
        : null}
    </div>
  );
}

type Address = NonNullable<Order['shippingAddress']>;
const addressFields: { name: keyof Address; label: string; hint?: string }[] = [
  { name: 'name', label: 'Name' },
  { name: 'line1', label: 'Street' },
  { name: 'line2', label: 'Second line' },
  { name: 'postalCode', label: 'Postal code' },
  { name: 'city', label: 'City' },
  { name: 'region', label: 'Region' },
  { name: 'country', label: 'Country', hint: 'Two letters, as DE or US.' },
];

function AddressSection({ order, onChange }: ActionsProps) {
  const { id, number, shippingAddress } = order;
  async function send(data: FormData): Promise<void> {
    const json = { shippingAddress: isEmpty(data) ? null : typed(data) };
    await unwrap(shop.orders.address[':id'].$patch({ param: { id }, json }));
    announce(`Order ${number} has its address changed.`);
    onChange();
  }
  // All of it empty means that there is none.
  const isEmpty = (data: FormData) => addressFields.every(({ name }) => textOf(data, `shippingAddress.${name}`) === '');
  const typed = (data: FormData): ShippingAddressInput => ({
    name: textOf(data, 'shippingAddress.name'),
    line1: textOf(data, 'shippingAddress.line1'),
    line2: textOrNull(data, 'shippingAddress.line2'),
    city: textOf(data, 'shippingAddress.city'),
    region: textOrNull(data, 'shippingAddress.region'),
    postalCode: textOrNull(data, 'shippingAddress.postalCode'),
    // The API knows the countries.
    country: textOf(data, 'shippingAddress.country')
      .trim()
      .toUpperCase() as NonNullable<ShippingAddressInput>['country'],
  });
  return (
    <Section
      title="Goes to"
      actions={
        <DialogForm
          trigger="Change address"
          triggerClass="secondary"
          title={`Address: ${number}`}
          submit="Save"
          onSubmit={send}
        >
          {addressFields.map(({ name, label, hint }) => (
            <Field
              key={name}
              label={label}
              name={`shippingAddress.${name}`}
              value={shippingAddress?.[name] ?? ''}
              hint={hint}
              autocomplete="off"
            />
          ))}
        </DialogForm>
      }
    >
      {shippingAddress ? (
        <address>
          {[
            shippingAddress.name,
            shippingAddress.line1,
            shippingAddress.line2,
            [shippingAddress.postalCode, shippingAddress.city].filter(Boolean).join(' '),
            shippingAddress.region,
            shippingAddress.country,
          ]
            .filter(Boolean)
            .map((line) => (
              <div>{line}</div>
            ))}
        </address>
      ) : (
        <Empty>The customer gave no address.</Empty>
      )}
    </Section>
  );
}

function OrderFacts({ order }: { order: Order }) {
  const { shipment } = order;
  return (
    <Facts
      facts={[
        ['Status', <StatusOf order={order} />],
        ['Total', money(order.totalCents, order.currency)],
        ['Placed', <When at={order.createdAt} />],
        ['Customer', <a href={`${base}/customers/${order.customerId}`}>Open the account</a>],
        ['On hold since', order.hold ? <When at={order.hold.since} /> : null],
        ['Reason', order.hold?.reason],
        ['Moves on by itself', order.nextStatusAt ? <When at={order.nextStatusAt} /> : null],
        ['Carrier', shipment?.carrier],
        ['Tracking number', shipment?.trackingNumber],
        [
          'Tracking',
          shipment?.trackingUrl ? (
            <a href={shipment.trackingUrl} rel="noreferrer" target="_blank">
              {shipment.trackingUrl}
            </a>
          ) : null,
        ],
        ['Note of the customer', order.note],
        ['Deleted', order.deletedAt ? <When at={order.deletedAt} /> : null],
      ]}
    />
  );
}

/** An order, and what staff do with it. */
export function OrderPage({ id }: { id: string }) {
  const found = useLoaded(id, (init) => unwrap(shop.orders[':id'].$get({ param: { id } }, init)));
  const mails = useLoaded(id, (init) => unwrap(shop.mails.$get({ query: { orderId: id, limit: '100' } }, init)));
  const onChange = () => {
    found.reload();
    mails.reload();
  };
  return (
    <Page title={found.value ? `Order ${found.value.number}` : 'Order'}>
      <Shown of={found} what="the order">
        {(order) => (
          <>
            <OrderActions order={order} onChange={onChange} />
            <OrderFacts order={order} />
            <Section title="Items">
              <Table
                caption="Items of the order"
                rows={order.items}
                keyOf={(item) => item.productId}
                columns={[
                  { head: 'Product', cell: (item) => <a href={`${base}/products/${item.productId}`}>{item.name}</a> },
                  { head: 'SKU', cell: (item) => item.sku ?? '–', isWhole: true, isExtra: true },
                  { head: 'Quantity', cell: (item) => item.quantity, isFigure: true },
                  {
                    head: 'Each',
                    cell: (item) => money(item.unitPriceCents, order.currency),
                    isFigure: true,
                    isExtra: true,
                  },
                  {
                    head: 'Together',
                    cell: (item) => money(item.unitPriceCents * item.quantity, order.currency),
                    isFigure: true,
                  },
                ]}
              />
            </Section>
            <div class="columns">
              <AddressSection order={order} onChange={onChange} />
              <Section title="History">
                <ol class="history">
                  {order.history.map(({ status, at }) => (
                    <li key={at}>
                      {words(status)}, <When at={at} />
                    </li>
                  ))}
                </ol>
                <a href={`${base}/audit?subjectId=${order.id}`}>What staff have done with it</a>
              </Section>
            </div>
          </>
        )}
      </Shown>
      <Section title="Mails">
        <Shown of={mails} what="its mails">
          {({ data }) =>
            data.length === 0 ? (
              <Empty>No mail has been written about this order.</Empty>
            ) : (
              <MailTable mails={data} onChange={mails.reload} isOfOrder />
            )
          }
        </Shown>
      </Section>
    </Page>
  );
}
