import { useState } from 'hono/jsx/dom';
import { type Key, unwrap } from '../../clients/typescript/src/index.ts';
import { words } from '../format.ts';
import { Checks, DialogForm, Field, Form, textOf, textsOf } from '../forms.tsx';
import { Pager, rowsPerPage, Table } from '../lists.tsx';
import { parametersOf, useAddress } from '../routing.ts';
import { shop } from '../session.ts';
import { announce, Badge, Empty, Page, Secret, Section, Shown, When } from '../ui.tsx';
import { useLoaded } from '../work.ts';

type Scope = Key['scopes'][number];

const areas = ['products', 'stock', 'orders', 'customers', 'mails', 'webhooks', 'audit', 'reports'] as const;
const scopes = areas.flatMap((area): Scope[] => [`${area}:read`, `${area}:write`]);
const scopeOptions = scopes.map((scope) => [scope, words(scope.replace(':', ', '))] as const);

/** What programs sign in with. */
export function KeysPage() {
  const address = useAddress();
  const query = parametersOf(address, ['cursor', 'page']);
  const [made, setMade] = useState<string | null>(null);
  const keys = useLoaded(address.search, (init) =>
    unwrap(shop.keys.$get({ query: { ...query, limit: rowsPerPage } }, init)),
  );
  async function create(data: FormData): Promise<void> {
    const expires = textOf(data, 'expiresAt');
    const { key, name } = await unwrap(
      shop.keys.$post({
        json: {
          name: textOf(data, 'name'),
          scopes: textsOf(data, 'scopes') as Scope[],
          ...(expires !== '' && { expiresAt: new Date(expires).toISOString() }),
        },
      }),
    );
    setMade(key);
    announce(`The key ${name} is there.`);
    keys.reload();
  }
  async function revoke({ id, name }: Key): Promise<void> {
    await unwrap(shop.keys[':id'].$delete({ param: { id } }));
    announce(`The key ${name} does not work any more.`);
    keys.reload();
  }
  const isExpired = ({ expiresAt }: Key) => expiresAt !== null && Date.parse(expiresAt) <= Date.now();
  return (
    <Page title="Keys">
      <p>
        A key lets a program do a part of what you may. Give each program one of its own, with no more than it needs.
      </p>
      <Shown of={keys} what="keys">
        {({ data, pagination }) =>
          data.length === 0 ? (
            <Empty>There are no keys. Make one below when a program is to use the shop.</Empty>
          ) : (
            <>
              <Table
                caption="Keys"
                rows={data}
                keyOf={(key) => key.id}
                columns={[
                  { head: 'Name', cell: (key) => key.name },
                  { head: 'Scopes', cell: (key) => key.scopes.join(', '), isExtra: true },
                  { head: 'Made', cell: (key) => <When at={key.createdAt} />, isExtra: true },
                  {
                    head: 'Works until',
                    cell: (key) => (
                      <>
                        {key.expiresAt ? <When at={key.expiresAt} /> : 'revoked'}{' '}
                        {isExpired(key) ? <Badge>expired</Badge> : null}
                      </>
                    ),
                  },
                  {
                    head: 'Revoke',
                    cell: (key) => (
                      <DialogForm
                        trigger="Revoke"
                        title={`Revoke: ${key.name}`}
                        isDangerous
                        onSubmit={() => revoke(key)}
                      >
                        <p>The program that uses it is refused from then on. This cannot be taken back.</p>
                      </DialogForm>
                    ),
                  },
                ]}
              />
              <Pager pagination={pagination} what="keys" />
            </>
          )
        }
      </Shown>
      <Section title="New key">
        {made === null ? (
          <Form submit="Make the key" onSubmit={create}>
            <Field
              label="Name"
              name="name"
              required
              hint="What the program is, such as Warehouse."
              autocomplete="off"
            />
            <Checks legend="Scopes" name="scopes" options={scopeOptions} />
            <Field
              label="Works until"
              name="expiresAt"
              type="datetime-local"
              hint="Until it is revoked, when left out."
            />
          </Form>
        ) : (
          <Secret label="The key" value={made} onDone={() => setMade(null)} />
        )}
      </Section>
    </Page>
  );
}
