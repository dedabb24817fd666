import { type Customer, unwrap } from '../../clients/typescript/src/index.ts';
import { ActionButton, DialogForm, Field, Form, textOf, textOrNull } from '../forms.tsx';
import { base } from '../routing.ts';
import { shop } from '../session.ts';
import { announce, Facts, FaultsError, Page, Section, Shown, saveFile, When } from '../ui.tsx';
import { fileOf, useLoaded } from '../work.ts';
import { BadgesOf } from './customers.tsx';

type PartProps = { customer: Customer; onChange: () => void };

function CustomerActions({ customer, onChange }: PartProps) {
  const { id, name, deletedAt } = customer;
  const target = { param: { id } };
  async function act(work: Promise<unknown>, done: string): Promise<void> {
    await work;
    announce(`${name} ${done}.`);
    onChange();
  }
  return (
    <div class="actions">
      <ActionButton
        key="export"
        done="The file is there."
        onAct={async () => saveFile(await fileOf(shop.customers[':id'].export.$get(target)), `customer-${id}.json`)}
      >
        Export all data
      </ActionButton>
      {deletedAt ? (
        <DialogForm
          key="restore"
          trigger="Restore"
          title={`Restore: ${name}`}
          onSubmit={() => act(unwrap(shop.customers.restore[':id'].$patch(target)), 'can sign in again')}
        >
          <p>Their password and role come back; sessions do not.</p>
        </DialogForm>
      ) : null}
      {deletedAt ? null : (
        <DialogForm
          key="sign-out"
          trigger="Sign out everywhere"
          triggerClass="secondary"
          title={`Sign out: ${name}`}
          onSubmit={() => act(unwrap(shop.customers[':id']['sign-out'].$post(target)), 'is signed out everywhere')}
        >
          <p>Every session of the account ends at once.</p>
        </DialogForm>
      )}
      {deletedAt ? null : (
        <DialogForm
          key="delete"
          trigger="Delete"
          title={`Delete: ${name}`}
          isDangerous
          onSubmit={() => act(unwrap(shop.customers[':id'].$delete(target)), 'is deleted')}
        >
          <p>Nobody can sign in to the account any more. You can restore it.</p>
        </DialogForm>
      )}
      <DialogForm
        key="erase"
        trigger="Erase"
        title={`Erase: ${name}`}
        isDangerous
        onSubmit={(data) => {
          if (textOf(data, 'email').trim().toLowerCase() !== customer.email.toLowerCase()) {
            throw new FaultsError([{ path: 'email', message: 'is not that of the account' }]);
          }
          return act(unwrap(shop.customers[':id'].erase.$post({ ...target, json: {} })), 'is erased');
        }}
      >
        <p>
          For good: name, addresses and all else that tells who it was is overwritten. Orders and totals stay. This
          cannot be taken back.
        </p>
        <Field label="The account's e-mail address, to confirm" name="email" autocomplete="off" />
      </DialogForm>
    </div>
  );
}

function ProfileForm({ customer, onChange }: PartProps) {
  async function save(data: FormData): Promise<void> {
    const json = { name: textOf(data, 'name'), email: textOf(data, 'email'), phone: textOrNull(data, 'phone') };
    const { name } = await unwrap(shop.customers[':id'].$put({ param: { id: customer.id }, json }));
    announce(`${name} is saved.`);
    onChange();
  }
  return (
    <Form submit="Save" onSubmit={save}>
      <Field label="Name" name="name" value={customer.name} autocomplete="off" />
      <Field
        label="E-mail address"
        name="email"
        type="email"
        value={customer.email}
        autocomplete="off"
        hint="When it changes, both addresses are told."
      />
      <Field
        label="Telephone"
        name="phone"
        type="tel"
        value={customer.phone ?? ''}
        autocomplete="off"
        hint="With + and the country, as +4915112345678."
      />
    </Form>
  );
}

/** An account: who it is, and what staff do with it. */
export function CustomerPage({ id }: { id: string }) {
  const found = useLoaded(id, (init) => unwrap(shop.customers[':id'].$get({ param: { id } }, init)));
  return (
    <Page title={found.value?.name ?? 'Customer'}>
      <Shown of={found} what="the account">
        {(customer) => (
          <>
            <CustomerActions customer={customer} onChange={found.reload} />
            <Facts
              facts={[
                ['E-mail address', customer.email],
                ['Confirmed', customer.emailVerifiedAt ? <When at={customer.emailVerifiedAt} /> : 'not yet'],
                ['Telephone', customer.phone],
                ['Kind', <BadgesOf customer={customer} />],
                ['Since', <When at={customer.createdAt} />],
                ['Deleted', customer.deletedAt ? <When at={customer.deletedAt} /> : null],
                ['Orders', <a href={`${base}/orders?customerId=${id}`}>All of theirs</a>],
                ['Mails', <a href={`${base}/mails?customerId=${id}`}>All to them</a>],
                ['History', <a href={`${base}/audit?subjectId=${id}`}>What was done to the account</a>],
              ]}
            />
            {customer.deletedAt ? null : (
              <Section title="Edit">
                <ProfileForm customer={customer} onChange={found.reload} />
              </Section>
            )}
          </>
        )}
      </Shown>
    </Page>
  );
}
