// Lists: their filters, their rows, and the way from page to page.

import { type Child, useRef } from 'hono/jsx/dom';
import type { Pagination } from '../clients/typescript/src/index.ts';
import { count } from './format.ts';
import { addressWith, navigate, pageBefore, useAddress } from './routing.ts';

/** How many rows a page of a list has. */
export const rowsPerPage = '50';

export type Column<Row> = {
  head: string;
  cell: (row: Row) => Child;
  /** Figures stand below each other. */
  isFigure?: boolean;
  /** Not broken over lines, as SKUs. */
  isWhole?: boolean;
  /** Left out where there is little room. */
  isExtra?: boolean;
};

type TableProps<Row> = {
  /** What the rows are, for those who do not see what stands above. */
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  keyOf: (row: Row) => string;
};

const classOf = ({ isFigure, isWhole, isExtra }: Column<never>) =>
  [isFigure && 'figure', isWhole && 'whole', isExtra && 'extra'].filter(Boolean).join(' ');

/** Rows under their headings; the first cell of each names it. */
export function Table<Row>({ caption, columns, rows, keyOf }: TableProps<Row>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what can be scrolled has to be reachable by keyboard.
    // biome-ignore lint/a11y/useSemanticElements: a section would be a landmark of its own.
    <div class="scrolling" role="group" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.head} scope="col" class={classOf(column)}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column, index) =>
                index === 0 ? (
                  <th key={column.head} scope="row" class={classOf(column)}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.head} class={classOf(column)}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Leads through the pages of a list. Cursors lead forward alone, so the way back is that of the history. */
export function Pager({ pagination, what }: { pagination: Pagination; what: string }) {
  const address = useAddress();
  const { page, totalPages, totalItems, nextCursor } = pagination;
  const first = addressWith(address, { cursor: undefined, page: undefined });
  const here = address.pathname + address.search;
  const next = nextCursor
    ? addressWith(address, { cursor: nextCursor, page: undefined })
    : page < totalPages && !address.searchParams.has('cursor')
      ? addressWith(address, { page: String(page + 1) })
      : null;
  const byNumber =
    address.searchParams.has('page') && page > 2 ? addressWith(address, { page: String(page - 1) }) : first;
  const before = page > 1 ? (pageBefore() ?? byNumber) : null;
  return (
    <nav class="pager" aria-label={`Pages of ${what}`}>
      <span>
        {count(totalItems)} {totalItems === 1 ? what.replace(/ies$/, 'y').replace(/s$/, '') : what}
        {totalPages > 1 ? `, page ${count(page)} of ${count(totalPages)}` : ''}
      </span>
      {page > 1 ? <a href={first}>First page</a> : null}
      {before ? <a href={before}>Previous page</a> : null}
      {next ? (
        <a href={next} data-before={here}>
          Next page
        </a>
      ) : null}
    </nav>
  );
}

/** What narrows a list down; it becomes part of the address. */
export function Filters({ children }: { children: Child }) {
  const address = useAddress();
  const form = useRef<HTMLFormElement>(null);
  function show(event: Event): void {
    event.preventDefault();
    if (!form.current) return;
    const chosen = [...new FormData(form.current)].map(([name, value]) => [name, String(value).trim()]);
    navigate(addressWith(new URL(address.pathname, address), Object.fromEntries(chosen)));
  }
  return (
    <search>
      <form ref={form} class="filters" onSubmit={show}>
        {children}
        <div class="actions">
          <button type="submit">Show</button>
          {address.search ? <a href={address.pathname}>Show all</a> : null}
        </div>
      </form>
    </search>
  );
}
