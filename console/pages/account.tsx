import { useState } from 'hono/jsx/dom';
import { encode } from 'uqr';
import { type Session, ShopError, unwrap } from '../../clients/typescript/src/index.ts';
import { ActionButton, DialogForm, Field, Form, textOf } from '../forms.tsx';
import { Pager, rowsPerPage, Table } from '../lists.tsx';
import { base, parametersOf, useAddress } from '../routing.ts';
import { endSession, setSecondFactor, shop, signOut, useSession } from '../session.ts';
import { announce, Badge, Empty, Facts, Page, Secret, Section, Shown, When } from '../ui.tsx';
import { useLoaded } from '../work.ts';

function PasswordForm() {
  async function change(data: FormData): Promise<void> {
    const json = { currentPassword: textOf(data, 'currentPassword'), newPassword: textOf(data, 'newPassword') };
    await unwrap(shop.auth.password.$post({ json }));
    endSession('Your password is changed, and every session has ended. Sign in with the new one.');
  }
  return (
    <Form submit="Change the password" onSubmit={change}>
      <Field label="Current password" name="currentPassword" type="password" autocomplete="current-password" />
      <Field
        label="New password"
        name="newPassword"
        type="password"
        autocomplete="new-password"
        hint="8 characters or more. Every session ends, this one too."
      />
    </Form>
  );
}

/** A text as squares that telephones read. */
function QrCode({ text }: { text: string }) {
  const { data, size } = encode(text, { border: 2 });
  const squares = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])));
  return (
    <svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label="QR code of the secret below">
      <rect width={size} height={size} fill="#fff" />
      <path d={squares.join('')} fill="#000" />
    </svg>
  );
}

type Begun = { secret: string; url: string };

function SecondFactor() {
  const { session } = useSession();
  const [begun, setBegun] = useState<Begun | null>(null);
  const [recoveryCodes, setRecoveryCodes] = useState<string[] | null>(null);

  async function begin(data: FormData): Promise<void> {
    try {
      setBegun(await unwrap(shop.auth.totp.$post({ json: { currentPassword: textOf(data, 'currentPassword') } })));
    } catch (error) {
      // Set up elsewhere, since this session began.
      if (error instanceof ShopError && error.problem.code === 'totp_active') setSecondFactor(true);
      throw error;
    }
  }
  async function confirm(data: FormData): Promise<void> {
    const codes = await unwrap(shop.auth.totp.confirm.$post({ json: { code: textOf(data, 'code') } }));
    setRecoveryCodes(codes.recoveryCodes);
    setBegun(null);
    setSecondFactor(true);
    announce('The second factor is set up.');
  }
  async function remove(data: FormData): Promise<void> {
    const json = { currentPassword: textOf(data, 'currentPassword'), code: textOf(data, 'code') };
    await unwrap(shop.auth.totp.remove.$post({ json }));
    setSecondFactor(false);
    announce('The second factor is gone.');
  }

  if (recoveryCodes) {
    return (
      <Secret
        label="Ten recovery codes, each good once in place of your telephone"
        value={recoveryCodes.join('\n')}
        onDone={() => setRecoveryCodes(null)}
      />
    );
  }
  if (begun) {
    return (
      <div class="second-factor">
        <QrCode text={begun.url} />
        <div>
          <p>Scan it with an authenticator app, or type this into it:</p>
          <p>
            <code class="breaking">{begun.secret}</code>
          </p>
          <Form submit="Confirm" onSubmit={confirm}>
            <Field label="Code of the app" name="code" inputMode="numeric" autocomplete="one-time-code" />
          </Form>
        </div>
      </div>
    );
  }
  return session?.hasSecondFactor ? (
    <>
      <p>Signing in takes a code of your authenticator app.</p>
      <DialogForm key="remove" trigger="Remove" title="Remove the second factor" isDangerous onSubmit={remove}>
        <Field label="Current password" name="currentPassword" type="password" autocomplete="current-password" />
        <Field label="Code of the app, or a recovery code" name="code" autocomplete="one-time-code" />
      </DialogForm>
    </>
  ) : (
    <>
      <p>With a second factor a stolen password alone opens nothing.</p>
      <DialogForm key="begin" trigger="Set up" title="Set up a second factor" submit="Go on" onSubmit={begin}>
        <Field label="Current password" name="currentPassword" type="password" autocomplete="current-password" />
      </DialogForm>
    </>
  );
}

function Sessions() {
  const address = useAddress();
  const query = parametersOf(address, ['cursor', 'page']);
  const sessions = useLoaded(address.search, (init) =>
    unwrap(shop.sessions.$get({ query: { ...query, limit: rowsPerPage } }, init)),
  );
  async function end({ id }: Session): Promise<void> {
    await unwrap(shop.sessions[':id'].$delete({ param: { id } }));
    sessions.reload();
  }
  return (
    <Shown of={sessions} what="sessions">
      {({ data, pagination }) =>
        data.length === 0 ? (
          <Empty>There is no session.</Empty>
        ) : (
          <>
            <Table
              caption="Sessions"
              rows={data}
              keyOf={(session) => session.id}
              columns={[
                { head: 'Since', cell: (session) => <When at={session.createdAt} /> },
                { head: 'Until', cell: (session) => <When at={session.expiresAt} />, isExtra: true },
                { head: 'From', cell: (session) => session.address },
                { head: 'By', cell: (session) => session.userAgent ?? '–', isExtra: true },
                {
                  head: 'End',
                  cell: (session) =>
                    session.current ? (
                      <Badge>this one</Badge>
                    ) : (
                      <ActionButton done="The session has ended." onAct={() => end(session)}>
                        End
                      </ActionButton>
                    ),
                },
              ]}
            />
            <Pager pagination={pagination} what="sessions" />
          </>
        )
      }
    </Shown>
  );
}

/** One's own account. */
export function AccountPage() {
  const { session } = useSession();
  if (!session) return null;
  const { customer } = session;
  return (
    <Page
      title="Account"
      actions={
        <button type="button" class="secondary" onClick={() => void signOut()}>
          Sign out
        </button>
      }
    >
      <Facts
        facts={[
          ['Name', customer.name],
          ['E-mail address', customer.email],
          ['Profile', <a href={`${base}/customers/${customer.id}`}>Change name, address or telephone</a>],
        ]}
      />
      <div class="columns">
        <Section title="Password">
          <PasswordForm />
        </Section>
        <Section title="Second factor">
          <SecondFactor />
        </Section>
      </div>
      <Section title="Sessions">
        <Sessions />
      </Section>
    </Page>
  );
}
