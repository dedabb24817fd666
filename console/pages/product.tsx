import { useState } from 'hono/jsx/dom';
import { type Product, ShopError, type StockChange, unwrap } from '../../clients/typescript/src/index.ts';
import { count, dayBefore, money, words } from '../format.ts';
import { Choice, DialogForm, Field, Form, textOf, textOrNull } from '../forms.tsx';
import { Table } from '../lists.tsx';
import { isSameProduct, type ProductFields, ProductFieldset, ProductVersions, readProduct } from '../product-form.tsx';
import { base, navigate } from '../routing.ts';
import { shop } from '../session.ts';
import { announce, Badge, Empty, Facts, FaultsError, Page, Section, Shown, When } from '../ui.tsx';
import { newKey, unlessGone, useLoaded } from '../work.ts';

/** A product, and the entity tag of the version that it is. */
type Versioned = { product: Product; etag: string };

async function versionOf(request: ReturnType<(typeof shop.products)[':id']['$get' | '$put']>): Promise<Versioned> {
  const answer = await request;
  const product = (await unwrap(Promise.resolve(answer))) as Product;
  return { product, etag: answer.headers.get('ETag') ?? '' };
}

const readVersion = (id: string, init?: { init: RequestInit }) =>
  versionOf(shop.products[':id'].$get({ param: { id } }, init));

/** Orders move the version of a product with its stock, so a conflict may be none for those who edit it. */
const attemptsMax = 5;

/** What came of saving: the version that is there now, one's own or somebody else's. */
type Saving = { isMine: boolean; version: Versioned };

/** Replaces a product, unless somebody else has changed what the form has. An answer that got lost may have been a success. */
async function save(read: Versioned, fields: ProductFields): Promise<Saving> {
  const { id } = read.product;
  let { etag } = read;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const request = { param: { id }, header: { 'If-Match': etag }, json: fields };
      return { isMine: true, version: await versionOf(shop.products[':id'].$put(request)) };
    } catch (error) {
      const isConflict = error instanceof ShopError && error.problem.code === 'precondition_failed';
      if (!isConflict || attempt === attemptsMax) throw error;
      const version = await readVersion(id);
      if (isSameProduct(version.product, fields)) return { isMine: true, version };
      if (!isSameProduct(version.product, read.product)) return { isMine: false, version };
      etag = version.etag;
    }
  }
}

type EditorProps = { read: Versioned; onChange: () => void };

/** The form of a product. Of a conflict it shows both versions, and keeps what was typed. */
function ProductEditor({ read, onChange }: EditorProps) {
  // What the form began with, and the version that it replaces.
  const [begun, setBegun] = useState({ product: read.product, times: 0 });
  const [replaced, setReplaced] = useState(read);
  const [mine, setMine] = useState<ProductFields | null>(null);
  const { currency } = read.product;

  async function send(data: FormData): Promise<void> {
    const fields = readProduct(data, currency);
    const { isMine, version } = await save(replaced, fields);
    // Those who save after having seen the other version mean to replace it.
    setReplaced(version);
    setMine(isMine ? null : fields);
    if (!isMine) return;
    announce(`${fields.name} is saved.`);
    onChange();
  }
  function takeTheirs(): void {
    setMine(null);
    setBegun({ product: replaced.product, times: begun.times + 1 });
    announce('The form has the saved version now.');
    onChange();
  }
  return (
    <>
      {mine ? (
        <div class="problem" role="alert" key="conflict">
          <strong>Somebody else has changed this product</strong>
          <p>
            Nothing of yours was saved, and nothing is lost: the form has it still. Save again and yours replaces what
            was saved meanwhile, or change the form first.
          </p>
          <ProductVersions mine={mine} theirs={replaced.product} currency={currency} />
          <button type="button" class="secondary" onClick={takeTheirs}>
            Drop mine, take what was saved
          </button>
        </div>
      ) : null}
      <Form key={`form ${begun.times}`} submit="Save" onSubmit={send}>
        <ProductFieldset product={begun.product} currency={currency} />
      </Form>
    </>
  );
}

const reasons = [
  ['received', 'Received'],
  ['returned', 'Returned'],
  ['damaged', 'Damaged or lost'],
  ['count', 'Counted'],
  ['correction', 'Correction'],
] as const;

function BookStock({ product, onChange }: { product: Product; onChange: () => void }) {
  async function book(data: FormData): Promise<void> {
    const typed = textOf(data, 'change').trim();
    const reason = reasons.find(([value]) => value === textOf(data, 'reason'))?.[0] ?? 'correction';
    const isCount = reason === 'count';
    if (!/^[+-]?\d{1,10}$/.test(typed)) {
      throw new FaultsError([{ path: 'change', message: 'must be a whole number, such as 24 or -3' }]);
    }
    const change = isCount ? Number(typed) - product.stock : Number(typed);
    if (change === 0) throw new FaultsError([{ path: 'change', message: 'changes nothing: there is nothing to book' }]);
    const json = {
      productId: product.id,
      change,
      reason,
      note: textOrNull(data, 'note'),
      // What was counted is only right about the stock that it was compared with.
      ...(isCount && { expectedStock: product.stock }),
    };
    const key = textOf(data, 'key');
    const header = { 'Idempotency-Key': isCount ? `${key}-${product.stock}` : key };
    const { stockAfter } = await unwrap(shop['stock-changes'].$post({ header, json })).finally(onChange);
    announce(`Booked: the stock of ${product.name} is ${count(stockAfter)}.`);
  }
  return (
    <DialogForm trigger="Book stock" title={`Book stock: ${product.name}`} submit="Book" onSubmit={book}>
      <p>{count(product.stock)} in stock.</p>
      <BookingFields />
    </DialogForm>
  );
}

/**
 * Begins from nothing each time that the dialog is opened. Sent again from there as it is, after an answer that got lost, a
 * booking is booked once; what is typed makes another one of it.
 */
function BookingFields() {
  const [reason, setReason] = useState<string>('received');
  const [key, setKey] = useState(newKey);
  const isCount = reason === 'count';
  return (
    <div onInput={() => setKey(newKey())}>
      <input type="hidden" name="key" value={key} />
      <Choice
        label="Reason"
        name="reason"
        value="received"
        options={reasons}
        onInput={(event) => setReason((event.target as HTMLSelectElement).value)}
      />
      <Field
        label={isCount ? 'Units that there are' : 'Change by'}
        name="change"
        required
        inputMode="text"
        autocomplete="off"
        hint={isCount ? 'The difference is booked.' : 'Units that come in; with a minus, that go out.'}
      />
      <Field label="Note" name="note" hint="Optional." />
    </div>
  );
}

function StockChanges({ id, version }: { id: string; version: string }) {
  const [older, setOlder] = useState<string[]>([]);
  const cursors = [undefined, ...older];
  const read = (cursor: string | undefined, init: { init: RequestInit }) =>
    unwrap(shop['stock-changes'].$get({ query: { productId: id, limit: '20', ...(cursor && { cursor }) } }, init));
  const booked = useLoaded(`${id} ${version} ${older.length}`, async (init) => {
    const pages = await Promise.all(cursors.map((cursor) => read(cursor, init)));
    return { rows: pages.flatMap(({ data }) => data), next: pages.at(-1)?.pagination.nextCursor ?? null };
  });
  return (
    <Shown of={booked} what="what was booked">
      {({ rows, next }) =>
        rows.length === 0 ? (
          <Empty>Nothing was booked yet.</Empty>
        ) : (
          <>
            <Table<StockChange>
              caption="Stock that was booked"
              rows={rows}
              keyOf={(row) => row.id}
              columns={[
                { head: 'When', cell: (row) => <When at={row.createdAt} /> },
                {
                  head: 'Change',
                  cell: (row) => (row.change > 0 ? `+${count(row.change)}` : count(row.change)),
                  isFigure: true,
                },
                { head: 'After', cell: (row) => count(row.stockAfter), isFigure: true },
                { head: 'Reason', cell: (row) => words(row.reason) },
                { head: 'Note', cell: (row) => row.note ?? '–', isExtra: true },
                { head: 'Who', cell: (row) => words(row.actor.kind), isExtra: true },
              ]}
            />
            {next ? (
              <button
                type="button"
                class="secondary"
                onClick={() => (older.includes(next) ? undefined : setOlder([...older, next]))}
              >
                Show older ones
              </button>
            ) : null}
            <p class="hint">What orders take and give back is not booked: it follows from the orders.</p>
          </>
        )
      }
    </Shown>
  );
}

function ProductActions({ product, onChange }: { product: Product; onChange: () => void }) {
  const { id, name, deletedAt } = product;
  const target = { param: { id } };
  async function act(work: Promise<unknown>, done: string): Promise<void> {
    await work;
    announce(`${name} is ${done}.`);
    onChange();
  }
  if (deletedAt) {
    return (
      <DialogForm
        key="restore"
        trigger="Restore"
        title={`Restore: ${name}`}
        onSubmit={() => act(unwrap(shop.products.restore[':id'].$patch(target)), 'in the catalogue again')}
      >
        <p>It comes back with the stock that it had.</p>
      </DialogForm>
    );
  }
  return (
    <>
      <BookStock key="book" product={product} onChange={onChange} />
      <DialogForm
        key="delete"
        trigger="Delete"
        title={`Delete: ${name}`}
        isDangerous
        onSubmit={() => act(unlessGone(unwrap(shop.products[':id'].$delete(target))), 'deleted')}
      >
        <p>It leaves the catalogue. Orders keep what they hold of it, and you can restore it.</p>
      </DialogForm>
    </>
  );
}

/** A product: its fields, its stock, and what was booked. */
export function ProductPage({ id }: { id: string }) {
  const found = useLoaded(id, (init) => readVersion(id, init));
  const product = found.value?.product;
  return (
    <Page
      title={product?.name ?? 'Product'}
      actions={product ? <ProductActions product={product} onChange={found.reload} /> : null}
    >
      <Shown of={found} what="the product">
        {(read) => (
          <>
            <Facts
              facts={[
                ['Price', money(read.product.priceCents, read.product.currency)],
                ['Stock', count(read.product.stock)],
                ['SKU', read.product.sku],
                ['Added', <When at={read.product.createdAt} />],
                ['Changed', <When at={read.product.updatedAt} />],
                ['State', read.product.deletedAt ? <Badge>deleted</Badge> : null],
                ['History', <a href={`${base}/audit?subjectId=${id}`}>What staff have done with it</a>],
              ]}
            />
            {read.product.images.length > 0 ? (
              <ul class="pictures">
                {read.product.images.map(({ url, alt }) => (
                  <li key={url}>
                    <img src={url} alt={alt} loading="lazy" />
                  </li>
                ))}
              </ul>
            ) : null}
            <div class="columns">
              {read.product.deletedAt ? null : (
                <Section title="Edit">
                  <ProductEditor read={read} onChange={found.reload} />
                </Section>
              )}
              <Section title="Stock that was booked">
                <StockChanges key={read.etag} id={id} version={read.etag} />
              </Section>
            </div>
          </>
        )}
      </Shown>
    </Page>
  );
}

async function readCurrency(init: { init: RequestInit }): Promise<string> {
  const today = dayBefore(0);
  return (await unwrap(shop.reports.sales.$get({ query: { from: today, to: today } }, init))).currency;
}

/** A product that is to be made. */
export function NewProductPage() {
  const currency = useLoaded('currency', readCurrency);
  async function create(data: FormData, currency: string): Promise<void> {
    const typed = textOf(data, 'stock').trim();
    const fields = readProduct(data, currency);
    if (!/^\d{1,10}$/.test(typed)) {
      throw new FaultsError([{ path: 'stock', message: 'must be a whole number, 0 or more' }]);
    }
    const product = await unwrap(shop.products.$post({ json: { ...fields, stock: Number(typed) } }));
    announce(`${product.name} is in the catalogue.`);
    navigate(`${base}/products/${product.id}`, { replace: true });
  }
  return (
    <Page title="New product">
      <Shown of={currency} what="the currency">
        {(currency) => (
          <Form submit="Add to the catalogue" onSubmit={(data) => create(data, currency)}>
            <ProductFieldset currency={currency} />
            <Field label="Stock" name="stock" required inputMode="numeric" value="0" />
          </Form>
        )}
      </Shown>
    </Page>
  );
}
