import { useEffect, useRef, useState } from 'hono/jsx/dom';
import { ShopError } from '../../clients/typescript/src/index.ts';
import { Dialog, Field, Form, textOf } from '../forms.tsx';
import { type Credentials, endSession, signIn, useSession } from '../session.ts';

function SignInForm({ email = '' }: { email?: string }) {
  // Asked for once the API has asked for it; until then nobody needs to know that there is such a thing.
  const [needsCode, setNeedsCode] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (needsCode) place.current?.querySelector<HTMLElement>('[name="code"]')?.focus();
  }, [needsCode]);
  async function send(data: FormData): Promise<void> {
    const credentials: Credentials = { email: textOf(data, 'email'), password: textOf(data, 'password') };
    try {
      await signIn(needsCode ? { ...credentials, code: textOf(data, 'code') } : credentials);
    } catch (error) {
      const asksForCode = error instanceof ShopError && error.problem.code === 'code_required';
      if (!asksForCode || needsCode) throw error;
      setNeedsCode(true);
    }
  }
  return (
    <div ref={place}>
      <Form submit="Sign in" onSubmit={send}>
        <Field label="E-mail address" name="email" type="email" autocomplete="username" required value={email} />
        <Field
          label="Password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
          autofocus={email !== ''}
        />
        {needsCode ? (
          <Field
            key="code"
            label="Code"
            name="code"
            autocomplete="one-time-code"
            required
            hint="Of your authenticator app, or a recovery code."
          />
        ) : null}
      </Form>
    </div>
  );
}

/** Stands in place of every page until somebody has signed in; the address stays. */
export function SignInPage() {
  const { notice } = useSession();
  useEffect(() => {
    document.title = 'Sign in · Shop console';
    document.querySelector<HTMLElement>('[name="email"]')?.focus();
  }, []);
  return (
    <main class="start">
      <h1>Shop console</h1>
      <p>For the people who run the shop. Sign in with an admin's account.</p>
      {notice === null ? null : (
        <p role="status" class="notice">
          {notice}
        </p>
      )}
      <SignInForm />
    </main>
  );
}

/** Stands over a page whose session has ended, so that nothing that was typed there is lost. */
export function SignInAgain() {
  const { session } = useSession();
  return (
    <Dialog title="Your session has ended" onClose={() => {}} canClose={false}>
      <p>Sign in again and go on: what you have typed is still there.</p>
      <SignInForm email={session?.customer.email ?? ''} />
      <button type="button" class="secondary" onClick={() => endSession('Your session has ended.')}>
        Leave the page
      </button>
    </Dialog>
  );
}
