// What every page is made of.

import { type Child, useEffect, useId, useRef, useState, useSyncExternalStore } from 'hono/jsx/dom';
import { type Problem as ProblemBody, ShopError } from '../clients/typescript/src/index.ts';
import { moment } from './format.ts';
import { base } from './routing.ts';
import type { Loaded } from './work.ts';

const announcedMs = 8_000;
let announced = '';
let announcing: ReturnType<typeof setTimeout> | undefined;
const announcementListeners = new Set<() => void>();

function setAnnounced(text: string): void {
  announced = text;
  for (const listener of announcementListeners) listener();
}

/** Says for a while what has been done, to those who see the page and to those who hear it. */
export function announce(text: string): void {
  clearTimeout(announcing);
  setAnnounced(text);
  announcing = setTimeout(() => setAnnounced(''), announcedMs);
}

/** Where `announce` speaks. It is there from the start, or screen readers would miss what comes up with it. */
export function Announcements() {
  const text = useSyncExternalStore(
    (listener) => {
      announcementListeners.add(listener);
      return () => announcementListeners.delete(listener);
    },
    () => announced,
  );
  return (
    <p role="status" class={text === '' ? 'announcements visually-hidden' : 'announcements'}>
      {text}
    </p>
  );
}

let pagesShown = 0;

/** Puts the focus on the heading of the page, unless it is somewhere already. */
export function rescueFocus(): void {
  if (document.activeElement && document.activeElement !== document.body) return;
  document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
}

type PageProps = { title: string; actions?: Child; children?: Child };

/** A page under its heading, which takes the focus when the page has been gone to. */
export function Page({ title, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Shop console`;
  }, [title]);
  useEffect(() => {
    pagesShown += 1;
    if (pagesShown > 1) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <>
      <div class="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {actions ? <div class="actions">{actions}</div> : null}
      </div>
      {children}
    </>
  );
}

/** A part of a page. */
export function Section({ title, actions, children }: PageProps) {
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <div class="section-head">
        <h2 id={id}>{title}</h2>
        {actions ? <div class="actions">{actions}</div> : null}
      </div>
      {children}
    </section>
  );
}

/** What was wrong with a field, as the API says it. */
export type Fault = { path: string; message: string };

/** What the console itself finds wrong with fields, before the API is asked. */
export class FaultsError extends Error {
  readonly faults: Fault[];

  constructor(faults: Fault[]) {
    super('Some fields are not valid.');
    this.name = 'FaultsError';
    this.faults = faults;
  }
}

/** The faults of fields behind an error. */
export function faultsOf(error: unknown): Fault[] {
  if (error instanceof FaultsError) return error.faults;
  if (!(error instanceof ShopError)) return [];
  const { problem } = error;
  return problem.code === 'validation_failed' || problem.code === 'unknown_product' ? problem.errors : [];
}

type ProblemProps = {
  error: unknown;
  /** Does again what has failed. */
  retry?: (() => void) | undefined;
  /** Which faults are told beside their fields already. */
  isPlaced?: (path: string) => boolean;
};

/** Says why something failed, in the words of the API, and what can be done about it. */
export function Problem({ error, retry, isPlaced = () => false }: ProblemProps) {
  const faults = faultsOf(error).filter(({ path }) => !isPlaced(path));
  const problem = error instanceof ShopError ? error.problem : null;
  return (
    <div class="problem" role="alert" tabIndex={-1}>
      <strong>{titleOf(error, problem)}</strong>
      <p>{problem ? problem.detail : reasonOf(error)}</p>
      {faults.length > 0 ? (
        <ul>
          {faults.map(({ path, message }) => (
            <li key={path}>
              {path ? <code>{path}</code> : null} {message}
            </li>
          ))}
        </ul>
      ) : null}
      {problem ? (
        <>
          <MoreOfProblem problem={problem} />
          <small>Request {problem.requestId}</small>
        </>
      ) : null}
      {retry ? (
        <button type="button" class="secondary" onClick={retry}>
          Try again
        </button>
      ) : null}
    </div>
  );
}

const isUnreached = (error: unknown) => error instanceof TypeError;

function titleOf(error: unknown, problem: ProblemBody | null): string {
  if (problem) return problem.title;
  return isUnreached(error) ? 'The shop cannot be reached' : 'This did not work';
}

function reasonOf(error: unknown): string {
  if (isUnreached(error)) return 'See whether you are online and the shop is running, then try again.';
  return error instanceof Error ? error.message : String(error);
}

/** What a refusal tells beside its sentence. */
function MoreOfProblem({ problem }: { problem: ProblemBody }) {
  switch (problem.code) {
    case 'insufficient_stock':
      return (
        <ul>
          {problem.errors.map(({ productId, requested, available }) => (
            <li key={productId}>
              <a href={`${base}/products/${productId}`}>This product</a>: {requested} asked for, {available} in stock
            </li>
          ))}
        </ul>
      );
    case 'stock_changed':
      return <p>The stock is {problem.currentStock} now.</p>;
    case 'order_status_conflict':
      return <p>It is {problem.currentStatus} now.</p>;
    case 'order_too_recent':
      return (
        <p>
          It can be deleted from <When at={problem.deletableAt} /> on.
        </p>
      );
    case 'totp_required':
      return (
        <p>
          <a href={`${base}/account`}>Set up a second factor</a>, and everything else opens.
        </p>
      );
    default:
      return null;
  }
}

type ShownProps<Value> = {
  of: Loaded<Value>;
  /** What is being loaded, as “orders”. */
  what: string;
  children: (value: Value) => Child;
};

/** What was asked for, or that it is on its way, or why it did not come. */
export function Shown<Value>({ of: loaded, what, children }: ShownProps<Value>) {
  const { value, isOutdated, error, isLoading, reload } = loaded;
  const hasFailed = error !== undefined && !isLoading;
  return (
    <>
      {hasFailed ? <Problem error={error} retry={reload} /> : null}
      {value === undefined && isLoading ? (
        <p aria-busy="true" role="status">
          Loading {what} …
        </p>
      ) : null}
      {value === undefined || (isOutdated && hasFailed) ? null : (
        <div
          class={`shown${isLoading ? ' reloading' : ''}${isOutdated ? ' outdated' : ''}`}
          aria-busy={isLoading ? 'true' : 'false'}
        >
          {children(value)}
        </div>
      )}
    </>
  );
}

/** Names and values. Those without a value are left out. */
export function Facts({ facts }: { facts: [name: string, value: Child | undefined][] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) =>
        value === undefined || value === null || value === '' ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

/** A moment, in the time of the reader. */
export function When({ at }: { at: string }) {
  return (
    <time dateTime={at} title={at}>
      {moment(at)}
    </time>
  );
}

/** What stands where a list has nothing. */
export function Empty({ children }: { children: Child }) {
  return <p class="empty">{children}</p>;
}

const tones: Record<string, string> = {
  pending: 'waiting',
  queued: 'waiting',
  sending: 'moving',
  processing: 'moving',
  shipped: 'moving',
  delivered: 'good',
  sent: 'good',
  created: 'good',
  updated: 'moving',
  failed: 'bad',
  refused: 'bad',
  cancelled: 'over',
  deleted: 'over',
  'on hold': 'bad',
  disabled: 'bad',
  expired: 'over',
  erased: 'over',
};

/** A status, told by its word and not by its colour alone. */
export function Badge({ children: word }: { children: string }) {
  return <span class={`badge ${tones[word] ?? 'over'}`}>{word}</span>;
}

/** A secret that is shown this once. */
export function Secret({ label, value, onDone }: { label: string; value: string; onDone: () => void }) {
  const id = useId();
  const [isCopied, setCopied] = useState(false);
  // Not there on pages that came without TLS, unless from this machine.
  const clipboard: Clipboard | undefined = navigator.clipboard;
  return (
    <div class="secret" role="alert">
      <label for={id}>{label}. It is shown this once: copy it now.</label>
      {value.includes('\n') ? (
        <textarea id={id} readOnly rows={value.split('\n').length} value={value} />
      ) : (
        <input id={id} readOnly value={value} />
      )}
      <div class="actions">
        {clipboard ? (
          <button type="button" onClick={() => clipboard.writeText(value).then(() => setCopied(true))}>
            {isCopied ? 'Copied' : 'Copy'}
          </button>
        ) : null}
        <button type="button" class="secondary" onClick={onDone}>
          I have it
        </button>
      </div>
    </div>
  );
}

/** Hands a file to the one who asked for it. */
export function saveFile(content: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // Not at once: the browser has yet to take it.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
