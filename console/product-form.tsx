// The fields of a product: how they are shown, how they are read, and how two versions of them differ.

import type { Product, ProductReplacement } from '../clients/typescript/src/index.ts';
import { money, plainAmount, readAmount } from './format.ts';
import { AreaField, Field, textOf, textOrNull } from './forms.tsx';
import { type Fault, FaultsError } from './ui.tsx';

/** What the form has of a product. */
export type ProductFields = Pick<Product, 'name' | 'sku' | 'description' | 'priceCents' | 'tags' | 'images'>;

const linesOf = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

const imageLine = ({ url, alt }: Product['images'][number]) => (alt ? `${url} ${alt}` : url);

/** A URL holds no blank, so what follows the first one says what the picture shows. */
function readImage(line: string): Product['images'][number] {
  const [url = '', ...alt] = line.split(/\s+/);
  return { url, alt: alt.join(' ') };
}

/**
 * What the form says.
 * @throws {FaultsError} for a price that is no amount; all else is for the API to judge
 */
export function readProduct(data: FormData, currency: string): ProductFields & ProductReplacement {
  const priceCents = readAmount(textOf(data, 'priceCents'), currency);
  if (priceCents === null) {
    const fault: Fault = { path: 'priceCents', message: `must be an amount such as ${plainAmount(1_299, currency)}` };
    throw new FaultsError([fault]);
  }
  return {
    name: textOf(data, 'name'),
    sku: textOrNull(data, 'sku'),
    description: textOrNull(data, 'description'),
    priceCents,
    tags: linesOf(textOf(data, 'tags')),
    images: linesOf(textOf(data, 'images')).map(readImage),
  };
}

/** The fields, with what they begin with. */
export function ProductFieldset({ product, currency }: { product?: ProductFields; currency: string }) {
  return (
    <>
      <Field label="Name" name="name" required value={product?.name ?? ''} />
      <div class="field-row">
        <Field
          label={`Price in ${currency}`}
          name="priceCents"
          required
          inputMode="decimal"
          value={product ? plainAmount(product.priceCents, currency) : ''}
        />
        <Field label="SKU" name="sku" value={product?.sku ?? ''} autocomplete="off" />
      </div>
      <AreaField label="Description" name="description" rows={5} value={product?.description ?? ''} />
      <AreaField label="Tags" name="tags" rows={3} value={product?.tags.join('\n') ?? ''} hint="One a line." />
      <AreaField
        label="Pictures"
        name="images"
        rows={3}
        value={product?.images.map(imageLine).join('\n') ?? ''}
        hint="One a line: an https address, a blank, and what the picture shows."
      />
    </>
  );
}

const shownFields: { field: keyof ProductFields; label: string }[] = [
  { field: 'name', label: 'Name' },
  { field: 'priceCents', label: 'Price' },
  { field: 'sku', label: 'SKU' },
  { field: 'description', label: 'Description' },
  { field: 'tags', label: 'Tags' },
  { field: 'images', label: 'Pictures' },
];

/** A field in a form that can be compared, whatever the order of members in it. */
function comparable(product: ProductFields, field: keyof ProductFields): string {
  const value = field === 'images' ? product.images.map(({ url, alt }) => [url, alt]) : product[field];
  return JSON.stringify(value);
}

const isSame = (one: ProductFields, other: ProductFields, field: keyof ProductFields) =>
  comparable(one, field) === comparable(other, field);

/** Whether two versions are the same in all that the form has; stock and moments are no part of it. */
export function isSameProduct(one: ProductFields, other: ProductFields): boolean {
  return shownFields.every(({ field }) => isSame(one, other, field));
}

function textOfField(product: ProductFields, field: keyof ProductFields, currency: string): string {
  switch (field) {
    case 'priceCents':
      return money(product.priceCents, currency);
    case 'tags':
      return product.tags.join(', ') || '–';
    case 'images':
      return product.images.map(imageLine).join(', ') || '–';
    default:
      return product[field] ?? '–';
  }
}

type VersionsProps = { mine: ProductFields; theirs: ProductFields; currency: string };

/** Two versions beside each other, where they differ. */
export function ProductVersions({ mine, theirs, currency }: VersionsProps) {
  const different = shownFields.filter(({ field }) => !isSame(mine, theirs, field));
  return (
    <table class="versions">
      <caption class="visually-hidden">Where the two versions differ</caption>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Yours</th>
          <th scope="col">Saved meanwhile</th>
        </tr>
      </thead>
      <tbody>
        {different.map(({ field, label }) => (
          <tr key={field}>
            <th scope="row">{label}</th>
            <td>{textOfField(mine, field, currency)}</td>
            <td>{textOfField(theirs, field, currency)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
