// Forms: what is wrong with a field is told beside it, and what else was refused above them.

import { type Child, createContext, useContext, useEffect, useId, useRef, useState } from 'hono/jsx/dom';
import type { JSX } from 'hono/jsx/dom/jsx-runtime';
import { announce, type Fault, faultsOf, Problem, rescueFocus } from './ui.tsx';
import { useAction } from './work.ts';

const Faults = createContext<Fault[]>([]);

/** Whether a fault is told beside a field of the form, which may stand for what is within it, too. */
function isPlacedIn(form: HTMLFormElement | null, path: string): boolean {
  const names = [...(form?.elements ?? [])].map((element) => element.getAttribute('name'));
  return names.some((name) => name && (path === name || path.startsWith(`${name}.`)));
}

type FormProps = {
  /** What the button says. */
  submit: string;
  onSubmit: (data: FormData) => Promise<unknown>;
  isDangerous?: boolean;
  /** What stands beside the button. */
  aside?: Child;
  children?: Child;
};

/** A form whose refusals are shown where they belong, and that cannot be sent twice at once. */
export function Form({ submit, onSubmit, isDangerous = false, aside, children }: FormProps) {
  const { isBusy, error, run } = useAction();
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (error === undefined) return;
    const find = (selector: string) => form.current?.querySelector<HTMLElement>(selector);
    (find('[aria-invalid="true"]') ?? find('.problem'))?.focus();
  }, [error]);
  function send(event: Event): void {
    event.preventDefault();
    const element = form.current;
    if (element) void run(() => onSubmit(new FormData(element)));
  }
  return (
    <Faults.Provider value={faultsOf(error)}>
      <form ref={form} noValidate onSubmit={send}>
        {error === undefined ? null : <Problem error={error} isPlaced={(path) => isPlacedIn(form.current, path)} />}
        {children}
        <div class="actions">
          <button type="submit" class={isDangerous ? 'danger' : ''} aria-busy={isBusy ? 'true' : 'false'}>
            {submit}
          </button>
          {aside}
        </div>
      </form>
    </Faults.Provider>
  );
}

type Named = { label: string; name: string; hint?: Child };

/** What a field says about itself, and what ties that to its control. */
function useField({ name, hint }: Named) {
  const id = useId();
  const own = useContext(Faults).filter(({ path }) => path === name || path.startsWith(`${name}.`));
  const describedBy = [hint && `${id}-hint`, own.length > 0 && `${id}-fault`].filter(Boolean).join(' ');
  const notes = (
    <>
      {hint ? (
        <small id={`${id}-hint`} class="hint">
          {hint}
        </small>
      ) : null}
      {own.length > 0 ? (
        <small id={`${id}-fault`} class="fault">
          {own.map(({ path, message }) => within(path, name) + shortened(message)).join('; ')}
        </small>
      ) : null}
    </>
  );
  const attributes = {
    id,
    name,
    'aria-describedby': describedBy || undefined,
    'aria-invalid': own.length > 0 ? ('true' as const) : undefined,
  };
  return { id, notes, attributes };
}

/** Some faults name all that would be right. */
const messageCharactersMax = 160;

function shortened(message: string): string {
  return message.length > messageCharactersMax ? `${message.slice(0, messageCharactersMax)} …` : message;
}

/** Where within a field a fault is: lists count from 1 for people. */
function within(path: string, name: string): string {
  const parts = path.slice(name.length + 1).split('.');
  const [index = '', ...rest] = parts;
  if (index === '') return '';
  return /^\d+$/.test(index) ? `no. ${Number(index) + 1}${rest.map((part) => ` ${part}`).join('')}: ` : `${index}: `;
}

type InputProps = Named & Omit<JSX.IntrinsicElements['input'], 'id' | 'name'>;

/** A line to fill in. Its `value` is where it begins. */
export function Field({ label, name, hint, ...input }: InputProps) {
  const { id, notes, attributes } = useField({ label, name, hint });
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input {...attributes} {...input} />
      {notes}
    </div>
  );
}

type AreaProps = Named & Omit<JSX.IntrinsicElements['textarea'], 'id' | 'name'>;

/** Several lines to fill in. */
export function AreaField({ label, name, hint, ...area }: AreaProps) {
  const { id, notes, attributes } = useField({ label, name, hint });
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea {...attributes} {...area} />
      {notes}
    </div>
  );
}

type Option = readonly [value: string, text: string];
type ChoiceProps = Named & { options: readonly Option[]; value?: string | undefined; onInput?: (event: Event) => void };

/** One of several. */
export function Choice({ label, name, hint, options, value = '', onInput }: ChoiceProps) {
  const { id, notes, attributes } = useField({ label, name, hint });
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select {...attributes} onInput={onInput}>
        {options.map(([each, text]) => (
          <option key={each} value={each} selected={each === value}>
            {text}
          </option>
        ))}
      </select>
      {notes}
    </div>
  );
}

type CheckProps = { label: Child; name: string; value?: string; checked?: boolean };

/** Yes or no. */
export function Check({ label, name, value = 'true', checked = false }: CheckProps) {
  return (
    <label class="check">
      <input type="checkbox" name={name} value={value} checked={checked} /> {label}
    </label>
  );
}

type ChecksProps = { legend: string; name: string; options: readonly Option[]; values?: readonly string[] };

/** Any of several. */
export function Checks({ legend, name, options, values = [] }: ChecksProps) {
  const { notes, attributes } = useField({ label: legend, name });
  return (
    <fieldset aria-describedby={attributes['aria-describedby']}>
      <legend>{legend}</legend>
      <div class="checks">
        {options.map(([value, text]) => (
          <Check key={value} label={text} name={name} value={value} checked={values.includes(value)} />
        ))}
      </div>
      {notes}
    </fieldset>
  );
}

/** What was typed into a field. */
export function textOf(data: FormData, name: string): string {
  const value = data.get(name);
  return typeof value === 'string' ? value : '';
}

/** The same, and null for nothing. */
export function textOrNull(data: FormData, name: string): string | null {
  return textOf(data, name) || null;
}

/** The values that are ticked of several. */
export function textsOf(data: FormData, name: string): string[] {
  return data.getAll(name).filter((value) => typeof value === 'string');
}

type DialogProps = { title: string; onClose: () => void; canClose?: boolean; children: Child };

/** Stands over the page until it is closed; the page waits. */
export function Dialog({ title, onClose, canClose = true, children }: DialogProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (!element?.isConnected || element.open) return;
    element.showModal();
    const focusOn = (selector: string) => element.querySelector<HTMLElement>(selector);
    (focusOn('[autofocus]') ?? focusOn('input, select, textarea'))?.focus();
    // Closed, not only taken away, so that the focus goes back to where it was.
    return () => element.close();
  }, []);
  const keepOpen = (event: Event) => {
    if (!canClose) event.preventDefault();
  };
  // Browsers let those out who insist.
  const closed = () => {
    if (canClose) onClose();
    else if (dialog.current?.isConnected) dialog.current.showModal();
  };
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={closed} onCancel={keepOpen}>
      <article>
        <h2 id={id}>{title}</h2>
        {children}
      </article>
    </dialog>
  );
}

/** For the page to have taken up what an action changed. */
const settleMs = 400;

type DialogFormProps = Omit<FormProps, 'aside' | 'submit'> & {
  /** What the button that opens it says. */
  trigger: string;
  triggerClass?: string;
  title: string;
  /** What the button in it says; what the first says unless told. */
  submit?: string;
};

/** A button that asks, in a dialog, for what it needs or whether it is meant. */
export function DialogForm(props: DialogFormProps) {
  const { trigger, triggerClass = '', title, submit = trigger, onSubmit, isDangerous = false, children } = props;
  const [isOpen, setOpen] = useState(false);
  const [isSending, setSending] = useState(false);
  async function send(data: FormData): Promise<void> {
    setSending(true);
    try {
      await onSubmit(data);
    } finally {
      setSending(false);
    }
    setOpen(false);
    // The button may be gone together with what it was for.
    setTimeout(rescueFocus, settleMs);
  }
  return (
    <>
      <button type="button" class={triggerClass || (isDangerous ? 'outline danger' : '')} onClick={() => setOpen(true)}>
        {trigger}
      </button>
      {isOpen ? (
        <Dialog title={title} onClose={() => setOpen(false)} canClose={!isSending}>
          <Form
            submit={submit}
            isDangerous={isDangerous}
            onSubmit={send}
            aside={
              <button type="button" class="secondary" disabled={isSending} onClick={() => setOpen(false)}>
                Back
              </button>
            }
          >
            {children}
          </Form>
        </Dialog>
      ) : null}
    </>
  );
}

type ActionButtonProps = { children: string; class?: string; done: string; onAct: () => Promise<unknown> };

/** A button that does what it says at once, and tells why when it was refused. */
export function ActionButton({ children, class: className = 'secondary', done, onAct }: ActionButtonProps) {
  const { isBusy, error, run } = useAction();
  async function act(): Promise<void> {
    if (await run(onAct)) announce(done);
    setTimeout(rescueFocus, settleMs);
  }
  return (
    <>
      <button type="button" class={className} aria-busy={isBusy ? 'true' : 'false'} onClick={() => void act()}>
        {children}
      </button>
      {error === undefined ? null : <Problem error={error} />}
    </>
  );
}
