import { type Customer, unwrap } from '../../clients/typescript/src/index.ts';
import { Check, Field } from '../forms.tsx';
import { Filters, Pager, rowsPerPage, Table } from '../lists.tsx';
import { base, parametersOf, useAddress } from '../routing.ts';
import { shop } from '../session.ts';
import { Badge, Empty, Page, Shown, When } from '../ui.tsx';
import { useLoaded } from '../work.ts';

/** What an account is. */
export function BadgesOf({ customer }: { customer: Customer }) {
  return (
    <span class="badges">
      <Badge>{customer.role}</Badge>
      {customer.deletedAt ? <Badge>deleted</Badge> : null}
    </span>
  );
}

/** The accounts of the shop. */
export function CustomersPage() {
  const address = useAddress();
  const query = parametersOf(address, ['q', 'email', 'includeDeleted', 'cursor', 'page']);
  const customers = useLoaded(address.search, (init) =>
    unwrap(shop.customers.$get({ query: { ...(query as object), limit: rowsPerPage } }, init)),
  );
  return (
    <Page title="Customers">
      <Filters>
        <Field label="Begins with" name="q" type="search" value={query.q ?? ''} hint="Name or e-mail address." />
        <Field label="E-mail address" name="email" type="search" value={query.email ?? ''} hint="The whole of it." />
        <Check label="Deleted ones, too" name="includeDeleted" checked={query.includeDeleted === 'true'} />
      </Filters>
      <Shown of={customers} what="accounts">
        {({ data, pagination }) =>
          data.length === 0 ? (
            <Empty>Nobody is like this: look for less of the name, or for deleted accounts, too.</Empty>
          ) : (
            <>
              <Table
                caption="Accounts"
                rows={data}
                keyOf={(customer) => customer.id}
                columns={[
                  {
                    head: 'Name',
                    cell: (customer) => <a href={`${base}/customers/${customer.id}`}>{customer.name}</a>,
                  },
                  { head: 'E-mail address', cell: (customer) => <span class="breaking">{customer.email}</span> },
                  { head: 'Kind', cell: (customer) => <BadgesOf customer={customer} />, isExtra: true },
                  { head: 'Telephone', cell: (customer) => customer.phone ?? '–', isExtra: true },
                  { head: 'Since', cell: (customer) => <When at={customer.createdAt} />, isExtra: true },
                ]}
              />
              <Pager pagination={pagination} what="accounts" />
            </>
          )
        }
      </Shown>
    </Page>
  );
}
