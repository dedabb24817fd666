/** What is held in a column, why, and how long. */
export type ColumnFacts = {
  /** Whether it tells something of a person, who can be found by it or by what stands beside it. */
  personal: boolean;
  what: string;
  /** What becomes of it when the person is erased, and when it goes by itself. */
  kept: string;
};

const none = (what: string): ColumnFacts => ({ personal: false, what, kept: 'as long as the row' });
const personal = (what: string, kept: string): ColumnFacts => ({ personal: true, what, kept });

const stays = 'stays: the id of a person who has been erased leads to nobody';
const whose = personal('Whose it is', stays);
const untilErased = (to: string) => `until the person is erased, then ${to}`;

/**
 * Every column of every table. docs/privacy.md is written from it, by scripts/write-privacy.ts, and a test holds it
 * against the database: a column that is added belongs here, and, if it is personal, into privacy.ts beside this file.
 */
export const personalData: Record<string, Record<string, ColumnFacts>> = {
  customers: {
    id: whose,
    name: personal('To address the person', untilErased('`erased`')),
    email: personal('To sign in, and where mails go', untilErased('`erased-<id>@erased.invalid`')),
    email_verified_at: personal('When the address was confirmed', untilErased('null')),
    phone: personal('To reach the person', untilErased('null')),
    role: none('What the account may do'),
    password_hash: personal('To check the password', untilErased('a text that is no hash')),
    token_version: none('Which tokens still work'),
    created_at: personal('When the account was opened', stays),
    updated_at: personal('When it was last changed', stays),
    deleted_at: personal('When it was closed', stays),
    erased_at: personal('When the person was erased', stays),
  },
  sessions: {
    id: personal('Which sign-in', 'until it ends, or a day after it expires'),
    customer_id: personal('Whose it is', 'with the row'),
    address: personal('From where it was, so that its owner knows it', 'with the row'),
    user_agent: personal('With what it was, likewise', 'with the row'),
    created_at: personal('When it was', 'with the row'),
    expires_at: personal('When it ends', 'with the row'),
  },
  second_factors: {
    customer_id: personal('Whose it is', 'until it is removed or the person is erased'),
    secret: personal('To check codes; sealed', 'with the row'),
    created_at: personal('When it was begun', 'with the row'),
    confirmed_at: personal('When it was confirmed', 'with the row'),
    last_step: personal('When a code was last used', 'with the row'),
  },
  recovery_codes: {
    customer_id: personal('Whose it is', 'until it is used, or the person is erased'),
    code_hash: personal('To check a recovery code; a hash', 'with the row'),
  },
  api_keys: {
    id: none('Which key'),
    name: none('What an admin calls it'),
    scopes: none('What it may do'),
    key_hash: none('To know it by; a hash'),
    created_by: personal('Which admin made it', `until the key is revoked; ${stays}`),
    created_at: none('Since when it works'),
    expires_at: none('Until when it works'),
  },
  products: {
    id: none('Which product'),
    name: none('What it is called'),
    description: none('What it is'),
    price_cents: none('What it costs'),
    stock: none('How many there are'),
    version: none('For `ETag`'),
    created_at: none('When it was added'),
    updated_at: none('When it was last changed'),
    deleted_at: none('When it left the catalogue'),
    sku: none('What staff call it'),
    tags: none('What it is found by'),
    images: none('Where its pictures are'),
    search: none('Its words, for searches'),
  },
  product_words: { word: none('A word that a product has had') },
  stock_changes: {
    id: none('Which stock change'),
    product_id: none('Of which product'),
    change: none('By how much'),
    reason: none('Why'),
    note: none('What staff say of it'),
    stock_after: none('To what'),
    actor_kind: none('As what somebody did it'),
    actor_id: personal('Which of the staff, or which key, did it', stays),
    created_at: none('When'),
  },
  orders: {
    id: none('Which order'),
    number: none('What people call it'),
    hold_reason: personal('Why it is on hold, which may speak of the person', untilErased('null')),
    hold_since: none('Since when; goes with the reason'),
    carrier: none('Who brings it'),
    tracking_number: none('What the carrier calls it; for the books'),
    tracking_url: none('Where the carrier tells of it; for the books'),
    customer_id: whose,
    status: none('How far it is'),
    run: none('How often it was taken up'),
    total_cents: none('What it cost; for the books'),
    currency: none('In what'),
    next_status_at: none('When it moves on'),
    created_at: none('When it was placed; for the books'),
    updated_at: none('When it was last changed'),
    deleted_at: none('When it was deleted'),
  },
  order_items: {
    order_id: none('Of which order'),
    product_id: none('What was bought; for the books'),
    position: none('In which order of lines'),
    sku: none('What staff called it then'),
    name: none('What it was called then'),
    quantity: none('How many; for the books'),
    unit_price_cents: none('What one cost; for the books'),
  },
  order_details: {
    order_id: none('Of which order'),
    name: personal('To whom it goes', 'until the person is erased, then the row goes'),
    line1: personal('Where it goes', 'with the row'),
    line2: personal('Where it goes', 'with the row'),
    city: personal('Where it goes', 'with the row'),
    region: personal('Where it goes', 'with the row'),
    postal_code: personal('Where it goes', 'with the row'),
    country: personal('Where it goes', 'with the row'),
    note: personal('What the customer asks for', 'with the row'),
  },
  order_history: {
    order_id: none('Of which order'),
    run: none('In which run'),
    status: none('Which status it entered'),
    at: none('When'),
  },
  mails: {
    id: none('Which mail'),
    kind: none('What it is about'),
    customer_id: whose,
    address: personal('Where a mail of an account goes', untilErased('null')),
    order_id: none('Of which order'),
    run: none('Of which run'),
    status: none('Of which status'),
    state: none('Whether it was sent; mails that were not go when the person is erased'),
    attempts: none('How often it was tried'),
    last_error: personal('What the mail server answered, which may name the address', untilErased('null')),
    due_at: none('When it is tried again'),
    deferred_until: none('Until when a limit keeps it back'),
    created_at: none('When it was owed'),
    sent_at: none('When it was sent'),
  },
  mail_tokens: {
    customer_id: personal('Whose it is', 'until it is used, replaced or ended, or the person is erased'),
    kind: none('What it is for'),
    mail_id: none('Which mail brings it'),
  },
  mail_requests: {
    address_hash: personal('To send an address few mails; a hash', 'an hour'),
    kind: none('What was asked for'),
    asked_at: none('When'),
  },
  schedule_pauses: {
    id: none('That no order moves by itself'),
    since: none('Since when'),
  },
  unconfirmed_mails: {
    mail_id: none('Which mail'),
    address_hash: personal('To limit mails to an address; a hash', 'an hour'),
    claimed_at: none('When it went'),
  },
  idempotency_records: {
    customer_id: personal('Whose order it was', '24 hours, or until the person is erased'),
    key: personal('What the client called it', 'with the row'),
    request_hash: none('To tell whether the request is the same'),
    response: personal('The first answer: the order', 'with the row'),
    created_at: none('When it was'),
  },
  audit_events: {
    id: none('Which event'),
    at: none('When'),
    actor_kind: none('As what somebody did it'),
    actor_id: personal('Who did it', stays),
    action: none('What was done'),
    subject_kind: none('To what kind of thing'),
    subject_id: personal('To which account or thing', stays),
    changes: none('Which fields; of personal ones no values'),
    request_id: none('In which request'),
  },
};
