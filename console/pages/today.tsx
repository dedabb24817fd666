import { unwrap } from '../../clients/typescript/src/index.ts';
import { SalesChart } from '../chart.tsx';
import { count, day, dayBefore, money, timeOfDay } from '../format.ts';
import { Table } from '../lists.tsx';
import { addressWith, base, useAddress } from '../routing.ts';
import { shop } from '../session.ts';
import { Empty, Page, Section, Shown } from '../ui.tsx';
import { useEvery, useLoaded } from '../work.ts';

const refreshMs = 30_000;
const spans = [7, 30, 90];
/** What is at or below this is worth ordering again. */
const lowStockMax = 20;

async function readToday(days: number, init: { init: RequestInit }) {
  const one = { limit: '1' };
  const ofMails = (state: 'queued' | 'sending' | 'failed') =>
    unwrap(shop.mails.$get({ query: { state, ...one } }, init));
  const [report, queued, sending, failed, failedDeliveries] = await Promise.all([
    unwrap(shop.reports.sales.$get({ query: { from: dayBefore(days - 1), to: dayBefore(0) } }, init)),
    ofMails('queued'),
    ofMails('sending'),
    ofMails('failed'),
    unwrap(shop['webhook-deliveries'].$get({ query: { state: 'failed', ...one } }, init)),
  ]);
  return {
    report,
    unsentMails: queued.pagination.totalItems + sending.pagination.totalItems,
    failedMails: failed.pagination.totalItems,
    failedDeliveries: failedDeliveries.pagination.totalItems,
    at: new Date(),
  };
}

type TileProps = { name: string; figure: string; to?: string; isBad?: boolean };

function Tile({ name, figure, to, isBad = false }: TileProps) {
  return (
    <li class={isBad ? 'tile bad' : 'tile'}>
      <span class="tile-figure">{figure}</span>
      {to ? <a href={to}>{name}</a> : <span>{name}</span>}
    </li>
  );
}

/** How the shop is doing. */
export function TodayPage() {
  const address = useAddress();
  const days = spans.find((span) => String(span) === address.searchParams.get('days')) ?? 30;
  const today = useLoaded(String(days), (init) => readToday(days, init));
  useEvery(refreshMs, today.reload);
  const choices = spans.map((span) => (
    <a
      key={span}
      href={addressWith(address, { days: span === 30 ? undefined : String(span) })}
      aria-current={span === days ? 'true' : undefined}
    >
      {span} days
    </a>
  ));
  return (
    <Page title="Today">
      <Shown of={today} what="the figures">
        {({ report, unsentMails, failedMails, failedDeliveries, at }) => {
          const { currency, open } = report;
          const newest = report.days.at(-1);
          const lowStock = report.lowStock.filter(({ stock }) => stock <= lowStockMax);
          return (
            <>
              <p class="hint">As of {timeOfDay(at)}; comes up to date by itself. Days are those of UTC.</p>
              <ul class="tiles">
                <Tile name="orders today" figure={count(newest?.orders ?? 0)} to={`${base}/orders`} />
                <Tile name="revenue today" figure={money(newest?.totalCents ?? 0, currency)} />
                <Tile name="pending" figure={count(open.pending)} to={`${base}/orders?status=pending`} />
                <Tile name="processing" figure={count(open.processing)} to={`${base}/orders?status=processing`} />
                <Tile name="shipped" figure={count(open.shipped)} to={`${base}/orders?status=shipped`} />
                <Tile name="on hold" figure={count(open.onHold)} />
                <Tile name="late" figure={count(open.late)} isBad={open.late > 0} />
                <Tile name="mails to be sent" figure={count(unsentMails)} to={`${base}/mails?state=queued`} />
                <Tile
                  name="failed mails"
                  figure={count(failedMails)}
                  to={`${base}/mails?state=failed`}
                  isBad={failedMails > 0}
                />
                <Tile
                  name="failed deliveries"
                  figure={count(failedDeliveries)}
                  to={`${base}/deliveries?state=failed`}
                  isBad={failedDeliveries > 0}
                />
              </ul>
              <Section title="Orders and revenue" actions={choices}>
                <SalesChart
                  days={report.days}
                  currency={currency}
                  label={`Orders and revenue of the last ${days} days; the table below says the same`}
                />
                <details>
                  <summary>As a table</summary>
                  <Table
                    caption="Orders and revenue by day"
                    rows={report.days.toReversed()}
                    keyOf={(row) => row.day}
                    columns={[
                      { head: 'Day', cell: (row) => <time dateTime={row.day}>{day(row.day)}</time> },
                      { head: 'Orders', cell: (row) => count(row.orders), isFigure: true },
                      { head: 'Units', cell: (row) => count(row.units), isFigure: true },
                      { head: 'Revenue', cell: (row) => money(row.totalCents, currency), isFigure: true },
                    ]}
                  />
                </details>
              </Section>
              <div class="columns">
                <Section title="Best sellers">
                  {report.bestSellers.length === 0 ? (
                    <Empty>Nothing was sold in these days.</Empty>
                  ) : (
                    <Table
                      caption="Best sellers"
                      rows={report.bestSellers}
                      keyOf={(row) => row.productId}
                      columns={[
                        {
                          head: 'Product',
                          cell: (row) => <a href={`${base}/products/${row.productId}`}>{row.name}</a>,
                        },
                        { head: 'Units', cell: (row) => count(row.units), isFigure: true },
                        { head: 'Revenue', cell: (row) => money(row.totalCents, currency), isFigure: true },
                      ]}
                    />
                  )}
                </Section>
                <Section title="Low stock">
                  {lowStock.length === 0 ? (
                    <Empty>Of every product there are more than {lowStockMax}.</Empty>
                  ) : (
                    <Table
                      caption="Low stock"
                      rows={lowStock}
                      keyOf={(row) => row.productId}
                      columns={[
                        {
                          head: 'Product',
                          cell: (row) => <a href={`${base}/products/${row.productId}`}>{row.name}</a>,
                        },
                        { head: 'SKU', cell: (row) => row.sku ?? '–', isWhole: true, isExtra: true },
                        { head: 'Stock', cell: (row) => count(row.stock), isFigure: true },
                      ]}
                    />
                  )}
                </Section>
              </div>
            </>
          );
        }}
      </Shown>
    </Page>
  );
}
