import { type Product, unwrap } from '../../clients/typescript/src/index.ts';
import { count, money } from '../format.ts';
import { Check, Choice, DialogForm, Field, textOf } from '../forms.tsx';
import { Filters, Pager, rowsPerPage, Table } from '../lists.tsx';
import { base, parametersOf, useAddress } from '../routing.ts';
import { shop } from '../session.ts';
import { Empty, Page, Shown, saveFile, When } from '../ui.tsx';
import { fileOf, useLoaded } from '../work.ts';

async function exportProducts(data: FormData): Promise<void> {
  const format = textOf(data, 'format') === 'ndjson' ? 'ndjson' : 'csv';
  saveFile(await fileOf(shop.exports.products.$get({ query: { format } })), `products.${format}`);
}

function ExportProducts() {
  return (
    <DialogForm
      trigger="Export"
      triggerClass="secondary"
      title="Export the catalogue"
      submit="Save"
      onSubmit={exportProducts}
    >
      <Choice
        label="Format"
        name="format"
        options={[
          ['csv', 'CSV, for spreadsheets; an upload takes it back'],
          ['ndjson', 'NDJSON, a product a line'],
        ]}
      />
    </DialogForm>
  );
}

/** A product by its first picture, for those who know it by that; its name stands beside it. */
function Thumbnail({ images }: Pick<Product, 'images'>) {
  const [first] = images;
  return first ? <img class="thumbnail" src={first.url} alt="" loading="lazy" /> : <span class="thumbnail" />;
}

const sorts = [
  ['', 'Newest, or best match'],
  ['createdAt', 'Oldest'],
  ['name', 'Name, A to Z'],
  ['-name', 'Name, Z to A'],
  ['priceCents', 'Cheapest'],
  ['-priceCents', 'Most expensive'],
] as const;

/** The catalogue. */
export function ProductsPage() {
  const address = useAddress();
  const query = parametersOf(address, ['q', 'sku', 'tag', 'inStock', 'sort', 'cursor', 'page']);
  const products = useLoaded(address.search, (init) =>
    unwrap(shop.products.$get({ query: { ...(query as object), limit: rowsPerPage } }, init)),
  );
  const actions = (
    <>
      <a class="button" href={`${base}/products/new`}>
        New product
      </a>
      <a class="button secondary" href={`${base}/products/upload`}>
        Upload CSV
      </a>
      <ExportProducts />
    </>
  );
  return (
    <Page title="Products" actions={actions}>
      <Filters>
        <Field label="Words" name="q" type="search" value={query.q ?? ''} placeholder="enamel mug" />
        <Field label="SKU" name="sku" type="search" value={query.sku ?? ''} />
        <Field label="Tag" name="tag" type="search" value={query.tag ?? ''} />
        <Choice label="Order" name="sort" value={query.sort} options={sorts} />
        <Check label="In stock only" name="inStock" checked={query.inStock === 'true'} />
      </Filters>
      <Shown of={products} what="products">
        {({ data, pagination }) =>
          data.length === 0 ? (
            <Empty>
              {address.search
                ? 'No product is like this: change what you look for, or show all.'
                : 'The catalogue is empty: add a product, or upload a CSV with many.'}
            </Empty>
          ) : (
            <>
              <Table
                caption="Products"
                rows={data}
                keyOf={(product) => product.id}
                columns={[
                  {
                    head: 'Product',
                    cell: (product) => (
                      <a class="product-name" href={`${base}/products/${product.id}`}>
                        <Thumbnail images={product.images} /> {product.name}
                      </a>
                    ),
                  },
                  { head: 'SKU', cell: ({ sku }) => sku ?? '–', isWhole: true, isExtra: true },
                  { head: 'Tags', cell: ({ tags }) => tags.join(', ') || '–', isExtra: true },
                  { head: 'Price', cell: (product) => money(product.priceCents, product.currency), isFigure: true },
                  { head: 'Stock', cell: ({ stock }) => count(stock), isFigure: true },
                  { head: 'Changed', cell: ({ updatedAt }) => <When at={updatedAt} />, isExtra: true },
                ]}
              />
              <Pager pagination={pagination} what="products" />
            </>
          )
        }
      </Shown>
      <p class="hint">
        Products that were deleted are not in this list. To restore one, open it from{' '}
        <a href={`${base}/audit?action=product.deleted`}>what was deleted</a>.
      </p>
    </Page>
  );
}
