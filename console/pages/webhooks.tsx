import { useState } from 'hono/jsx/dom';
import { unwrap, type Webhook } from '../../clients/typescript/src/index.ts';
import { words } from '../format.ts';
import { ActionButton, Checks, DialogForm, Field, Form, textOf, textOrNull, textsOf } from '../forms.tsx';
import { Pager, rowsPerPage, Table } from '../lists.tsx';
import { base, navigate, parametersOf, useAddress } from '../routing.ts';
import { shop } from '../session.ts';
import { announce, Badge, Empty, Facts, Page, Secret, Section, Shown, When } from '../ui.tsx';
import { useLoaded } from '../work.ts';

type EventFilter = Webhook['events'][number];

const events = [
  '*',
  ...['order.pending', 'order.processing', 'order.shipped', 'order.delivered', 'order.cancelled'],
  ...['product.created', 'product.updated', 'product.deleted', 'product.restored', 'stock.changed', 'webhook.test'],
] as const;

const eventOptions = events.map(
  (event) => [event, event === '*' ? 'Everything, new kinds too' : words(event)] as const,
);

function WebhookFields({ webhook }: { webhook?: Webhook }) {
  return (
    <>
      <Field
        label="URL"
        name="url"
        type="url"
        required
        value={webhook?.url ?? ''}
        placeholder="https://example.com/shop"
      />
      <Checks legend="Events" name="events" options={eventOptions} values={webhook?.events ?? []} />
      <Field label="Description" name="description" value={webhook?.description ?? ''} hint="Optional." />
    </>
  );
}

const readWebhook = (data: FormData) => ({
  url: textOf(data, 'url'),
  events: textsOf(data, 'events') as EventFilter[],
  description: textOrNull(data, 'description'),
});

/** Whom the shop tells of what happens. */
export function WebhooksPage() {
  const address = useAddress();
  const query = parametersOf(address, ['cursor', 'page']);
  const webhooks = useLoaded(address.search, (init) =>
    unwrap(shop.webhooks.$get({ query: { ...query, limit: rowsPerPage } }, init)),
  );
  const actions = (
    <>
      <a class="button" href={`${base}/webhooks/new`}>
        New webhook
      </a>
      <a class="button secondary" href={`${base}/deliveries`}>
        Deliveries
      </a>
    </>
  );
  return (
    <Page title="Webhooks" actions={actions}>
      <Shown of={webhooks} what="webhooks">
        {({ data, pagination }) =>
          data.length === 0 ? (
            <Empty>Nobody is told of what happens here. Add a webhook, and a program of yours is.</Empty>
          ) : (
            <>
              <Table
                caption="Webhooks"
                rows={data}
                keyOf={(webhook) => webhook.id}
                columns={[
                  {
                    head: 'URL',
                    cell: (webhook) => (
                      <a class="breaking" href={`${base}/webhooks/${webhook.id}`}>
                        {webhook.url}
                      </a>
                    ),
                  },
                  { head: 'State', cell: (webhook) => <Badge>{webhook.disabledAt ? 'disabled' : 'enabled'}</Badge> },
                  { head: 'Events', cell: (webhook) => webhook.events.join(', '), isExtra: true },
                  { head: 'Description', cell: (webhook) => webhook.description ?? '–', isExtra: true },
                ]}
              />
              <Pager pagination={pagination} what="webhooks" />
            </>
          )
        }
      </Shown>
    </Page>
  );
}

/** A webhook that is to be made. */
export function NewWebhookPage() {
  const [made, setMade] = useState<{ id: string; secret: string } | null>(null);
  async function create(data: FormData): Promise<void> {
    setMade(await unwrap(shop.webhooks.$post({ json: readWebhook(data) })));
    announce('The webhook is there.');
  }
  return (
    <Page title="New webhook">
      {made ? (
        <Secret
          label="The secret that deliveries are signed with"
          value={made.secret}
          onDone={() => navigate(`${base}/webhooks/${made.id}`, { replace: true })}
        />
      ) : (
        <Form submit="Add" onSubmit={create}>
          <WebhookFields />
        </Form>
      )}
    </Page>
  );
}

function WebhookActions({ webhook, onChange }: { webhook: Webhook; onChange: () => void }) {
  const [secret, setSecret] = useState<string | null>(null);
  const { id } = webhook;
  const target = { param: { id } };
  return (
    <>
      <div class="actions">
        <ActionButton
          done={
            webhook.disabledAt
              ? 'The webhook is disabled, so that the test fails: see the deliveries.'
              : 'A test is on its way: see the deliveries.'
          }
          onAct={() => unwrap(shop.webhooks[':id'].test.$post(target))}
        >
          Send a test
        </ActionButton>
        <DialogForm
          trigger="New secret"
          triggerClass="secondary"
          title="Give it a new secret"
          onSubmit={async () => setSecret((await unwrap(shop.webhooks[':id'].secret.$post(target))).secret)}
        >
          <p>For 24 hours the one before signs as well.</p>
        </DialogForm>
        <DialogForm
          trigger="Delete"
          title="Delete the webhook"
          isDangerous
          onSubmit={async () => {
            await unwrap(shop.webhooks[':id'].$delete(target));
            announce('The webhook is deleted.');
            navigate(`${base}/webhooks`);
          }}
        >
          <p>What it is still owed, and the record of what it was sent, goes with it.</p>
        </DialogForm>
      </div>
      {secret === null ? null : (
        <Secret
          label="The new secret"
          value={secret}
          onDone={() => {
            setSecret(null);
            onChange();
          }}
        />
      )}
    </>
  );
}

/** A webhook, and what can be done with it. */
export function WebhookPage({ id }: { id: string }) {
  const found = useLoaded(id, (init) => unwrap(shop.webhooks[':id'].$get({ param: { id } }, init)));
  async function save(data: FormData): Promise<void> {
    await unwrap(shop.webhooks[':id'].$put({ param: { id }, json: readWebhook(data) }));
    announce('The webhook is saved and enabled.');
    found.reload();
  }
  return (
    <Page title="Webhook">
      <Shown of={found} what="the webhook">
        {(webhook) => (
          <>
            <WebhookActions webhook={webhook} onChange={found.reload} />
            <Facts
              facts={[
                ['URL', webhook.url],
                ['State', <Badge>{webhook.disabledAt ? 'disabled' : 'enabled'}</Badge>],
                ['Disabled', webhook.disabledAt ? <When at={webhook.disabledAt} /> : null],
                ['Added', <When at={webhook.createdAt} />],
                ['Deliveries', <a href={`${base}/deliveries?webhookId=${id}`}>What it was sent</a>],
              ]}
            />
            <Section title="Edit">
              {webhook.disabledAt ? (
                <p>It answered that it wants nothing more, or failed for three days. Saving enables it.</p>
              ) : null}
              <Form submit="Save" onSubmit={save}>
                <WebhookFields webhook={webhook} />
              </Form>
            </Section>
          </>
        )}
      </Shown>
    </Page>
  );
}
