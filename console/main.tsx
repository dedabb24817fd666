// The operators' console: a client of the API like any other, in a browser.

import { type Child, ErrorBoundary, render, useEffect, useState } from 'hono/jsx/dom';
import { AccountPage } from './pages/account.tsx';
import { AuditPage } from './pages/audit.tsx';
import { CustomerPage } from './pages/customer.tsx';
import { CustomersPage } from './pages/customers.tsx';
import { DeliveriesPage } from './pages/deliveries.tsx';
import { KeysPage } from './pages/keys.tsx';
import { MailsPage } from './pages/mails.tsx';
import { OrderPage } from './pages/order.tsx';
import { OrdersPage } from './pages/orders.tsx';
import { NewProductPage, ProductPage } from './pages/product.tsx';
import { ProductUploadPage } from './pages/product-upload.tsx';
import { ProductsPage } from './pages/products.tsx';
import { SignInAgain, SignInPage } from './pages/sign-in.tsx';
import { TodayPage } from './pages/today.tsx';
import { NewWebhookPage, WebhookPage, WebhooksPage } from './pages/webhooks.tsx';
import { Address, base, followLinks, useLocation } from './routing.ts';
import { SessionState, useSessionState } from './session.ts';
import { Announcements, Page, Problem } from './ui.tsx';

/** The pages, by the path below `/console`; what stands between two slashes of a longer one is an id. */
const pages: Record<string, () => Child> = {
  '': () => <TodayPage />,
  orders: () => <OrdersPage />,
  products: () => <ProductsPage />,
  'products/new': () => <NewProductPage />,
  'products/upload': () => <ProductUploadPage />,
  customers: () => <CustomersPage />,
  mails: () => <MailsPage />,
  webhooks: () => <WebhooksPage />,
  'webhooks/new': () => <NewWebhookPage />,
  deliveries: () => <DeliveriesPage />,
  keys: () => <KeysPage />,
  audit: () => <AuditPage />,
  account: () => <AccountPage />,
};

const pagesById: Record<string, (id: string) => Child> = {
  orders: (id) => <OrderPage id={id} />,
  products: (id) => <ProductPage id={id} />,
  customers: (id) => <CustomerPage id={id} />,
  webhooks: (id) => <WebhookPage id={id} />,
};

const sections = [
  ['', 'Today'],
  ['orders', 'Orders'],
  ['products', 'Products'],
  ['customers', 'Customers'],
  ['mails', 'Mails'],
  ['webhooks', 'Webhooks'],
  ['keys', 'Keys'],
  ['audit', 'Audit'],
  ['account', 'Account'],
] as const;

function pageAt(path: string): Child {
  const page = pages[path];
  if (page) return page();
  const [section = '', id = '', ...rest] = path.split('/');
  const pageById = rest.length === 0 && id !== '' ? pagesById[section] : undefined;
  if (pageById) return pageById(id);
  return (
    <Page title="There is no such page">
      <p>
        The address may be mistyped. <a href={base}>Go to today's figures</a>, or choose from the menu.
      </p>
    </Page>
  );
}

function Menu({ section, path }: { section: string; path: string }) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path]);
  return (
    <nav class="menu" aria-label="Console">
      <button
        type="button"
        class="secondary outline"
        aria-expanded={isOpen ? 'true' : 'false'}
        onClick={() => setOpen(!isOpen)}
      >
        Menu
      </button>
      <ul class={isOpen ? 'open' : ''}>
        {sections.map(([name, title]) => (
          <li key={name}>
            <a href={name ? `${base}/${name}` : base} aria-current={name === section ? 'page' : undefined}>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function SignedIn({ name, path: pathname }: { name: string; path: string }) {
  const path = pathname.slice(base.length).replace(/^\/|\/$/g, '');
  const [first = ''] = path.split('/');
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="bar">
        <a class="brand" href={base}>
          Shop
        </a>
        <Menu section={first === 'deliveries' ? 'webhooks' : first} path={path} />
        <span class="who">{name}</span>
      </header>
      <main id="content" tabIndex={-1}>
        <ErrorBoundary key={path} fallbackRender={(error) => <Problem error={error} retry={() => location.reload()} />}>
          {pageAt(path)}
        </ErrorBoundary>
      </main>
      <Announcements />
    </>
  );
}

function Console() {
  const location = useLocation();
  const state = useSessionState();
  return (
    <Address.Provider value={location}>
      <SessionState.Provider value={state}>
        {state.session ? (
          <SignedIn key="signed in" name={state.session.customer.name} path={new URL(location).pathname} />
        ) : (
          <SignInPage key="sign in" />
        )}
        {state.session && state.expired ? <SignInAgain key="again" /> : null}
      </SessionState.Provider>
    </Address.Provider>
  );
}

followLinks();
const place = document.getElementById('console');
if (place) render(<Console />, place);
