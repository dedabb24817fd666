import type { PlanNode, Recorded } from './recorder.ts';

/** A kind of statement, known by its text, and the only indexes by which Postgres may reach a table for it. */
export type Kind = {
  name: string;
  text: RegExp;
  indexes: string[];
  /** The most pages that it may look at; 1 000 unless it says so. */
  pagesMax?: number;
};

const pagesMaxByDefault = 1_000;

/** Where up to 10 001 rows are looked at, each may be on a page of its own. */
const countedPagesMax = 12_000;
/** What a range of prices holds besides, whose products do not match. */
const filteredPagesMax = 4_000;
/** A range that is narrow enough to be read whole, and then sorted. */
const sortedRangePagesMax = 2_500;
/**
 * Where the planner takes two conditions on half of the products each for independent, it reads one half, though hardly any
 * product meets both. The walk that this stands in for would read it, too.
 */
const unexpectedPagesMax = 60_000;
/** A batch has up to 500 rows, each with its entries in every index of its table. */
const batchPagesMax = 20_000;

/** A rare tag or an SKU leads straight to what has it. */
const filterIndexes = ['products_tags_idx', 'products_sku_key'];
const customerIndexes = [
  ...['customers_live_idx', 'customers_email_ascii_key', 'customers_name_idx'],
  ...['customers_pkey', 'customers_any_email_idx', 'customers_any_name_idx'],
];
/** Of an account, by its orders. */
const mailIndexes = [
  ...['mails_pkey', 'mails_state_idx', 'mails_order_run_status_key', 'mails_customer_idx'],
  ...['orders_customer_idx', 'orders_undelivered_idx'],
];
const auditIndexes = [
  'audit_events_pkey',
  'audit_events_actor_idx',
  'audit_events_actor_action_idx',
  'audit_events_subject_idx',
  'audit_events_action_idx',
];

const deliveryIndexes = [
  'webhook_deliveries_pkey',
  'webhook_deliveries_webhook_idx',
  'webhook_deliveries_state_idx',
  'webhook_deliveries_event_key',
];

const anyId = String.raw`any\(\$::uuid\[\]\)`;

/** Every statement that the API and the worker issue. One that matches no kind, or two, fails the test. */
export const kinds: Kind[] = [
  { name: 'alive', text: /^select current_setting\(.*transaction_read_only/, indexes: [] },

  // Products.
  {
    name: 'products, a page by age',
    text: /^select … from products where .* order by products\.id (asc|desc) limit \$$/,
    indexes: ['products_live_idx', 'products_price_idx', ...filterIndexes],
    pagesMax: sortedRangePagesMax,
  },
  {
    name: 'products, a page by price',
    text: /^select … from products where .* order by products\.price_cents (asc|desc), .* limit \$$/,
    indexes: ['products_price_idx', ...filterIndexes],
    pagesMax: sortedRangePagesMax,
  },
  {
    name: 'products, a page by name',
    text: /^select … from products where .* order by products\.name (asc|desc), .* limit \$$/,
    indexes: ['products_name_idx', 'products_price_idx', ...filterIndexes],
    pagesMax: sortedRangePagesMax,
  },
  {
    name: 'products, where a page by number begins',
    text: /^select (…|id, null) from products where .* limit \$ offset \$$/,
    indexes: ['products_live_idx', 'products_price_idx', 'products_name_idx', ...filterIndexes],
    pagesMax: sortedRangePagesMax,
  },
  {
    name: 'products, how many',
    text: /^select count\(\*\) from \(select 1 as one from products /,
    indexes: ['products_live_idx', 'products_price_idx', ...filterIndexes],
    pagesMax: countedPagesMax,
  },
  {
    name: 'search, its words',
    text: /^select word, array\( select distinct known\.word from product_words as known /,
    indexes: ['product_words_word_idx'],
  },
  {
    name: 'search or tag, looked up',
    text: /^with found as materialized /,
    indexes: ['products_search_idx', 'products_price_idx', ...filterIndexes],
    pagesMax: countedPagesMax + filteredPagesMax,
  },
  {
    name: 'search, sampled',
    text: /^with sample as materialized /,
    indexes: [],
    pagesMax: countedPagesMax,
  },
  {
    name: 'search with many matches, walked',
    text: /^with walked as materialized /,
    indexes: ['products_live_idx', 'products_price_idx', 'products_name_idx', ...filterIndexes],
    pagesMax: countedPagesMax,
  },
  {
    name: 'search with many matches, looked up as far as needed',
    text: /^with nearest as materialized /,
    indexes: ['products_search_idx', 'products_live_idx', 'products_price_idx', 'products_name_idx', ...filterIndexes],
    pagesMax: unexpectedPagesMax,
  },
  {
    name: 'products by their ids',
    text: new RegExp(`^select … from products where products\\.id = ${anyId}$`),
    indexes: ['products_pkey'],
  },
  {
    name: 'product, locked',
    text: /^with locked as \(select id, sku, .* from products where products\.id = \$ for no key update\)/,
    indexes: ['products_pkey'],
  },
  {
    name: 'products of orders, locked',
    text: /^with locked as \( select id, sku, name, price_cents, stock, /,
    indexes: ['products_pkey'],
  },
  { name: 'product, new', text: /^insert into products /, indexes: [] },
  {
    name: 'product, changed',
    text: /^update products set .* where products\.id = \$ returning /,
    indexes: ['products_pkey'],
  },
  {
    name: 'products of a batch or a file',
    text: /^select … from products where .*products\.sku = any\(\$::text\[\]\) .* order by products\.id( for no key update)?$/,
    indexes: ['products_sku_key', 'products_pkey'],
    pagesMax: batchPagesMax,
  },
  {
    name: 'clock',
    text: /^select floor\(extract\(epoch from clock_timestamp\(\)\)(?!.* from schedule_pauses)/,
    indexes: [],
  },
  {
    name: 'products of a batch, replaced',
    text: /^update products set sku = item\.sku, /,
    indexes: ['products_pkey'],
    pagesMax: batchPagesMax,
  },

  // Sales. What is not counted yet is counted in the report, and each of its orders is on a page of its own.
  {
    name: 'sales, days and best sellers',
    text: /^with span as materialized /,
    indexes: [
      'sales_days_pkey',
      'sales_marks_day_idx',
      'sales_products_day_product_id_pk',
      'orders_created_idx',
      'order_items_order_id_product_id_pk',
      'products_pkey',
    ],
    pagesMax: unexpectedPagesMax,
  },
  {
    name: 'sales, lowest stock',
    text: /^select … from products where deleted_at is null order by stock, id limit \$$/,
    // All of them are read, by whichever index names those that are not deleted.
    indexes: ['products_live_idx', 'products_tags_idx', 'products_sku_key'],
    pagesMax: Number.POSITIVE_INFINITY,
  },
  {
    name: 'sales, what is open',
    text: /^select \(select count\(\*\)::int from \(select 1 from orders where status = /,
    indexes: ['orders_status_idx', 'orders_held_idx', 'orders_due_idx'],
    pagesMax: 3 * countedPagesMax,
  },
  {
    name: 'orders of some days, between which ids',
    text: /^select min\(id::text collate C\)/,
    indexes: ['orders_created_idx'],
    pagesMax: countedPagesMax,
  },
  { name: 'sales, whose turn it is to count', text: /^select pg_try_advisory_xact_lock\(\$\) as mine$/, indexes: [] },
  {
    name: 'sales, the next day to count',
    text: /^with closed as /,
    indexes: ['sales_marks_day_idx', 'sales_days_pkey', 'orders_created_idx'],
  },
  { name: 'sales, marks that are counted', text: /^delete from sales_marks /, indexes: ['sales_marks_day_idx'] },
  {
    name: 'sales, what a day was before',
    text: /^delete from sales_products /,
    indexes: ['sales_products_day_product_id_pk'],
    // A day has a row for each product that was sold.
    pagesMax: unexpectedPagesMax,
  },
  {
    name: 'sales, a day counted',
    text: /^insert into sales_(products|days) /,
    indexes: ['orders_created_idx', 'order_items_order_id_product_id_pk', 'sales_products_day_product_id_pk'],
    pagesMax: unexpectedPagesMax,
  },

  // Stock changes.
  { name: 'stock of a new product, booked', text: /^with new_stock_changes as .* select 1$/, indexes: [] },
  {
    name: 'stock, changed and booked',
    text: /^with new_stock_changes as .* update products set stock = /,
    indexes: ['products_pkey', 'idempotency_records_customer_id_key_pk'],
  },
  {
    name: 'stock changes, a page',
    text: /^select … from stock_changes .*limit \$$/,
    indexes: ['stock_changes_pkey', 'stock_changes_product_idx'],
  },
  {
    name: 'stock changes, where a page by number begins',
    text: /^select id, null from stock_changes /,
    indexes: ['stock_changes_pkey', 'stock_changes_product_idx'],
  },
  {
    name: 'stock changes, how many',
    text: /^select count\(\*\) from \(select 1 as one from stock_changes /,
    indexes: ['stock_changes_pkey', 'stock_changes_product_idx'],
    pagesMax: countedPagesMax,
  },
  {
    name: 'stock of the release before, whether it is booked',
    text: /^EXISTS \(SELECT FROM stock_changes /,
    indexes: ['stock_changes_product_idx'],
  },
  {
    name: 'stock, checked',
    text: /^with batch as materialized /,
    indexes: [
      'products_pkey',
      'order_items_product_idx',
      'orders_pkey',
      'orders_live_idx',
      'stock_changes_product_idx',
    ],
    // Of 500 products all orders that there are.
    pagesMax: 3 * batchPagesMax,
  },

  // Customers.
  {
    name: 'account by its address',
    text: /^select (…|id) from customers where \(lower\(customers\.email collate C\) = lower\(\$ collate C\) .*\)( for no key update)?$/,
    indexes: ['customers_email_ascii_key', 'customers_any_email_idx'],
  },
  {
    name: 'accounts, sessions and keys of callers',
    text: /^\(select .* from customers left join sessions on .* union all \(select .* from api_keys /,
    indexes: [
      'customers_live_idx',
      'customers_admins_idx',
      'customers_pkey',
      'sessions_pkey',
      'sessions_customer_idx',
      'api_keys_hash_key',
      'second_factors_pkey',
    ],
  },
  {
    name: 'account, locked for a change or a sign-in',
    text: /^select (…|id) from customers where \(customers\.id = \$ and .*\) for no key update$/,
    indexes: ['customers_live_idx', 'customers_pkey'],
  },
  { name: 'session, new', text: /^insert into sessions /, indexes: [] },
  {
    name: 'accounts, closed long ago',
    text: /^select id from customers where \(\(customers\.deleted_at is not null .* order by customers\.deleted_at limit \$$/,
    indexes: ['customers_closed_idx'],
  },
  {
    name: 'account closed long ago, locked',
    text: /^select id from customers where \(customers\.id = \$ and .* for update skip locked$/,
    indexes: ['customers_pkey', 'customers_closed_idx'],
  },
  {
    name: 'mails of a person, erased',
    text: /^(delete from|update) mails .*(any\(array\(\(?select id from orders |mails\.customer_id = \$)/,
    indexes: ['mails_pkey', 'mails_order_run_status_key', 'mails_customer_idx', 'orders_customer_idx'],
  },
  {
    name: 'keys of orders, erased',
    text: /^delete from idempotency_records where idempotency_records\.customer_id = \$$/,
    indexes: ['idempotency_records_customer_id_key_pk'],
  },
  {
    name: 'second factor, read',
    text: /^select (secret, .*|confirmed_at) from second_factors where second_factors\.customer_id = \$$/,
    indexes: ['second_factors_pkey'],
  },
  {
    name: 'second factor, begun, confirmed, used or removed',
    text: /^(insert into|update|delete from) second_factors /,
    indexes: ['second_factors_pkey'],
  },
  {
    name: 'recovery codes, one or all of an account',
    text: /^(select code_hash|delete) from recovery_codes where \(?recovery_codes\.customer_id = \$/,
    indexes: ['recovery_codes_customer_id_code_hash_pk'],
  },
  { name: 'recovery codes, new', text: /^insert into recovery_codes /, indexes: [] },
  { name: 'key, new', text: /^insert into api_keys /, indexes: [] },
  { name: 'key, revoked', text: /^delete from api_keys where api_keys\.id = \$/, indexes: ['api_keys_pkey'] },
  {
    name: 'keys, a page',
    text: /^select … from api_keys .*limit \$$/,
    indexes: ['api_keys_pkey', 'api_keys_creator_idx'],
  },
  { name: 'keys, where a page by number begins', text: /^select id, null from api_keys /, indexes: ['api_keys_pkey'] },
  {
    name: 'keys, how many',
    text: /^select count\(\*\) from \(select 1 as one from api_keys /,
    indexes: ['api_keys_pkey'],
  },
  {
    name: 'sessions, the oldest ended',
    text: /^delete from sessions where sessions\.id = any\(array\(\(?select id from sessions /,
    indexes: ['sessions_pkey', 'sessions_customer_idx'],
  },
  {
    name: 'sessions, one or all of an account ended',
    text: /^delete from sessions where \(?sessions\.(id|customer_id) = \$/,
    indexes: ['sessions_pkey', 'sessions_customer_idx'],
  },
  {
    name: 'sessions, a page',
    text: /^select … from sessions .*limit \$$/,
    indexes: ['sessions_customer_idx'],
  },
  {
    name: 'sessions, where a page by number begins',
    text: /^select id, null from sessions /,
    indexes: ['sessions_customer_idx'],
  },
  {
    name: 'sessions, how many',
    text: /^select count\(\*\) from \(select 1 as one from sessions /,
    indexes: ['sessions_customer_idx'],
  },
  {
    name: 'sessions, cleaned up',
    text: /^delete from sessions where ctid = any\(array\(/,
    indexes: ['sessions_expires_idx', 'sessions_pkey'],
    pagesMax: batchPagesMax,
  },

  // Audit events.
  { name: 'audit events, new', text: /^insert into audit_events /, indexes: [] },
  {
    name: 'audit events, of somebody who is erased',
    text: /^update audit_events set request_id = \$ where /,
    indexes: ['audit_events_actor_idx', 'audit_events_actor_action_idx'],
  },
  {
    name: 'audit events, a page',
    text: /^select … from audit_events .*limit \$$/,
    indexes: auditIndexes,
  },
  {
    name: 'audit events, where a page by number begins',
    text: /^select id, null from audit_events /,
    indexes: auditIndexes,
  },
  {
    name: 'audit events, how many',
    text: /^select count\(\*\) from \(select 1 as one from audit_events /,
    indexes: auditIndexes,
    pagesMax: countedPagesMax,
  },
  {
    name: 'accounts of orders, held',
    text: /^select id from customers where id = any\(\$::uuid\[\]\) and deleted_at is null order by id for key share$/,
    indexes: ['customers_live_idx', 'customers_pkey'],
  },
  {
    name: 'account',
    text: /^select (…|email) from customers where (customers\.id = \$|\(customers\.id = \$ and customers\.deleted_at is null\))$/,
    indexes: ['customers_live_idx', 'customers_pkey'],
  },
  {
    name: 'account, locked',
    text: /^select … from customers where customers\.id = \$ for (no key )?update$/,
    indexes: ['customers_pkey'],
  },
  { name: 'admins, one at a time', text: /^select pg_advisory_xact_lock\(\$/, indexes: [] },
  {
    name: 'an admin',
    text: /^select id from customers where \(customers\.role = .* limit \$$/,
    indexes: ['customers_admins_idx', 'customers_live_idx'],
  },
  { name: 'account, new', text: /^insert into customers /, indexes: [] },
  {
    name: 'account, changed',
    text: /^update customers set .* where \(?customers\.id = \$/,
    indexes: ['customers_live_idx', 'customers_pkey'],
  },
  {
    name: 'customers, a page',
    text: /^select … from customers .*limit \$$/,
    indexes: customerIndexes,
  },
  {
    name: 'customers, where a page by number begins',
    text: /^select id, null from customers /,
    indexes: customerIndexes,
  },
  {
    name: 'customers, how many',
    text: /^select count\(\*\) from \(select 1 as one from customers /,
    indexes: customerIndexes,
    pagesMax: countedPagesMax,
  },

  // Orders.
  {
    name: 'orders, placed',
    text: /^with entered as \( select /,
    indexes: ['products_pkey', 'idempotency_records_customer_id_key_pk'],
  },
  {
    name: 'order, in another status by a request',
    text: /^with entered as \( update orders /,
    indexes: ['orders_pkey', 'products_pkey'],
  },
  {
    name: 'orders and outbox, whether anything is due',
    text: /^select exists\(select from schedule_pauses\) as schedule_paused, /,
    indexes: [
      ...['schedule_pauses_pkey', 'orders_due_idx', 'mails_due_idx', 'mails_account_due_idx'],
      ...['webhook_deliveries_due_idx', 'webhooks_pkey'],
    ],
  },
  {
    name: 'schedule, whether it stands still',
    text: /^select .* from schedule_pauses( for key share)?$/,
    indexes: ['schedule_pauses_pkey'],
  },
  {
    name: 'schedule, from now on standing still',
    text: /^insert into schedule_pauses /,
    indexes: ['schedule_pauses_pkey'],
  },
  { name: 'schedule, going on', text: /^delete from schedule_pauses$/, indexes: [] },
  {
    name: 'orders, planned after the schedule stood still',
    text: /^update orders set next_status_at = \$(?!, hold_reason)/,
    indexes: ['orders_status_idx', 'orders_undelivered_idx', 'orders_due_idx', 'orders_pkey'],
    pagesMax: batchPagesMax,
  },
  {
    name: 'orders, moved on',
    text: /^with due as /,
    indexes: ['orders_due_idx', 'orders_pkey', 'order_history_order_id_run_status_pk', 'mails_order_run_status_key'],
    pagesMax: batchPagesMax,
  },
  {
    name: 'order',
    text: /^(select …|with locked as \(select .*) from orders( left join order_details on \S+ = \S+)? where orders\.id = \$( for no key update\) select .* from locked)?$/,
    indexes: ['orders_pkey', 'order_details_pkey'],
  },
  {
    name: 'order by its number: a page, where it begins, how many',
    text: /^select .* from orders .*orders\.number = \$/,
    indexes: ['orders_number_key', 'order_details_pkey'],
    pagesMax: 20,
  },
  {
    name: 'address and note of an order',
    text: /^select … from order_details where order_details\.order_id = \$$/,
    indexes: ['order_details_pkey'],
  },
  {
    name: 'address of an order, new or changed',
    text: /^insert into order_details /,
    indexes: ['order_details_pkey'],
  },
  {
    name: 'orders of one customer, a page',
    text: /^select (…|id, null) from orders (left join \S+ on \S+ = \S+ )?where (?!.*number = ).*customer_id = \$.* limit \$( offset \$)?$/,
    indexes: ['orders_customer_idx', 'orders_status_idx', 'orders_pkey', 'order_details_pkey'],
  },
  {
    name: "a customer's undelivered orders",
    text: /^select id from orders where .*customer_id = \$.* limit \$$/,
    indexes: ['orders_undelivered_idx'],
    pagesMax: 20,
  },
  {
    name: 'orders of one customer, how many',
    text: /^select count\(\*\) from \(select 1 as one from orders where (?!.*number = ).*customer_id = \$/,
    indexes: ['orders_customer_idx', 'orders_status_idx', 'orders_pkey'],
  },
  {
    name: 'orders of all, a page',
    text: /^select … from orders (?!.*(customer_id|number) = )(.* )?order by orders\.id desc limit \$$/,
    indexes: ['orders_live_idx', 'orders_pkey', 'orders_status_idx', 'orders_cancelled_idx', 'order_details_pkey'],
  },
  {
    name: 'orders, a part of an export',
    text: /^select .* from orders left join \S+ on \S+ = \S+ where (?!.*customer_id = ).*order by orders\.id asc limit \$$/,
    indexes: ['orders_live_idx', 'orders_pkey', 'orders_created_idx', 'order_details_pkey'],
  },
  {
    name: 'orders of all, where a page by number begins',
    text: /^select id, null from orders (?!.*(customer_id|number) = )/,
    indexes: ['orders_live_idx', 'orders_pkey', 'orders_status_idx', 'orders_cancelled_idx'],
  },
  {
    name: 'orders of all, how many',
    text: /^select count\(\*\) from \(select 1 as one from orders (?!.*(customer_id|number) = )/,
    indexes: ['orders_live_idx', 'orders_pkey', 'orders_status_idx', 'orders_cancelled_idx'],
  },
  {
    name: 'order, changed in its status: deleted, held, released, told of its shipment, addressed',
    text: /^update orders set .*updated_at = \$.* where orders\.id = \$$/,
    indexes: ['orders_pkey'],
  },
  {
    name: 'lines of orders',
    text: /^ *select (order_id, json_agg\(.*|…) from order_items where (order_items\.)?order_id = /,
    indexes: ['order_items_order_id_product_id_pk'],
  },
  {
    name: 'history of orders',
    text: /^select … from order_history /,
    indexes: ['order_history_order_id_run_status_pk'],
  },
  { name: 'idempotency keys, tried', text: /^select scope, pg_try_advisory_xact_lock/, indexes: [] },
  {
    name: 'idempotency records',
    text: /^select … from idempotency_records /,
    indexes: ['idempotency_records_customer_id_key_pk'],
  },
  {
    name: 'idempotency records, cleaned up',
    text: /^delete from idempotency_records where ctid /,
    indexes: ['idempotency_records_created_idx'],
  },
  {
    name: 'mails to unconfirmed addresses, held',
    text: /^select mails\.id, not \(customers\.email_verified_at is not null /,
    indexes: ['mails_pkey', 'mails_state_idx', 'orders_pkey', 'customers_pkey'],
  },
  { name: 'unconfirmed addresses, held', text: /^select pg_advisory_xact_lock\(hashtextextended\(/, indexes: [] },
  {
    name: 'mails that went to unconfirmed addresses',
    text: /^select address, exists \( select 1 from mails where .* json_agg\(ms order by ms\)/,
    // Hardly any are kept here, and then any index will do.
    indexes: [
      ...['unconfirmed_mails_address_idx', 'unconfirmed_mails_claimed_idx'],
      ...['mails_customer_idx', 'mails_state_idx'],
    ],
  },
  { name: 'a mail to an unconfirmed address, counted', text: /^insert into unconfirmed_mails /, indexes: [] },
  {
    name: 'mails to unconfirmed addresses, kept back',
    text: /^update mails as owed set due_at = kept\.until/,
    indexes: ['mails_pkey', 'mails_state_idx'],
  },
  {
    name: 'counts of mails to unconfirmed addresses, cleaned up',
    text: /^delete from unconfirmed_mails /,
    indexes: ['unconfirmed_mails_claimed_idx'],
  },

  // Tokens by mail.
  {
    name: 'mail with a token, asked for',
    text: /^insert into mail_requests /,
    indexes: [],
  },
  {
    name: 'requests for mails with tokens, cleaned up',
    text: /^delete from mail_requests /,
    indexes: ['mail_requests_asked_idx'],
  },
  {
    name: 'mail with a token, owed',
    text: /^with account as \( select id, email from customers where /,
    indexes: [
      ...['customers_email_ascii_key', 'customers_any_email_idx', 'customers_live_idx', 'customers_pkey'],
      'mails_customer_idx',
    ],
  },
  {
    name: 'token of a mail, with its account',
    text: /^select (…|customers\.id) from mails inner join mail_tokens on /,
    indexes: [
      ...['mails_pkey', 'mail_tokens_customer_id_kind_pk'],
      ...['customers_pkey', 'customers_live_idx', 'customers_any_email_idx'],
    ],
  },
  {
    name: 'tokens of mails, ended',
    text: /^delete from mail_tokens where /,
    indexes: ['mail_tokens_customer_id_kind_pk'],
  },
  { name: 'mails of an account, owed', text: /^insert into mails \(kind, customer_id, address, /, indexes: [] },
  {
    name: 'mails of a confirmed address, released',
    text: /^with waiting as \( select id from mails where state = 'queued' /,
    indexes: [
      ...['mails_pkey', 'mails_state_idx', 'mails_order_run_status_key', 'mails_customer_idx'],
      ...['orders_customer_idx', 'orders_undelivered_idx', 'customers_pkey', 'customers_live_idx'],
    ],
  },

  // Mails.
  {
    name: 'mails of orders, due ones taken up',
    text: /^update mails set state = 'queued', .* where due_at <= .* and kind = 'order_status'/,
    indexes: ['mails_due_idx', 'mails_pkey'],
    pagesMax: batchPagesMax,
  },
  {
    name: 'mails of accounts, due ones taken up',
    text: /^update mails set state = 'queued', .* where due_at <= .* and kind <> 'order_status'/,
    indexes: ['mails_account_due_idx', 'mails_pkey'],
    pagesMax: batchPagesMax,
  },
  {
    name: 'mails, failed ones sent again',
    text: /^update mails set state = 'queued', .* where state = 'failed' /,
    indexes: ['mails_state_idx', 'mails_pkey'],
    pagesMax: batchPagesMax,
  },
  {
    name: 'mails, claimed, with what they are written from',
    text: /^with free as \( select id from mails /,
    indexes: [
      'mails_pkey',
      'mails_state_idx',
      'orders_pkey',
      'customers_pkey',
      'order_items_order_id_product_id_pk',
      'order_details_pkey',
      'webhooks_pkey',
    ],
    pagesMax: batchPagesMax,
  },
  {
    name: 'mails, sent',
    text: /^update mails set state = 'sent', /,
    indexes: ['mails_pkey', 'mails_state_idx'],
  },
  {
    name: 'mails, refused',
    text: /^update mails as owed set state = case /,
    indexes: ['mails_pkey', 'mails_state_idx'],
  },
  {
    name: 'mail, sent again',
    text: /^with found as \(select id, state from mails /,
    indexes: ['mails_pkey'],
  },
  {
    name: 'mail, read',
    text: /^select mails\.id, .* from mails left join orders on .* where mails\.id = \$$/,
    indexes: ['mails_pkey', 'orders_pkey'],
  },
  {
    name: 'mails, a page',
    text: /^select mails\.id, .* from mails left join orders on .*limit \$$/,
    indexes: [...mailIndexes, 'orders_pkey'],
  },
  {
    name: 'mails of an account, exported',
    text: /^select … from mails where \(mails\.customer_id = \$ and mails\.id > \$\) order by mails\.id asc limit \$$/,
    indexes: ['mails_customer_idx', 'mails_pkey'],
  },
  {
    name: 'holds of a person, erased',
    text: /^update orders set hold_reason = \$, hold_since = \$ where \(orders\.customer_id = \$ /,
    indexes: ['orders_customer_idx', 'orders_undelivered_idx'],
  },
  {
    name: 'addresses and notes of a person, erased',
    text: /^delete from order_details where order_details\.order_id = any/,
    indexes: ['order_details_pkey', 'orders_customer_idx', 'orders_undelivered_idx'],
  },
  {
    name: 'mails of orders, exported',
    text: /^select … from mails where mails\.order_id = any\(\$::uuid\[\]\) order by mails\.id asc$/,
    indexes: ['mails_order_run_status_key'],
  },
  {
    name: 'mails, where a page by number begins',
    text: /^select id, null from mails /,
    indexes: mailIndexes,
  },
  {
    name: 'mails, how many',
    text: /^select count\(\*\) from \(select 1 as one from mails /,
    indexes: mailIndexes,
    pagesMax: countedPagesMax,
  },
  // Webhooks, which are few.
  {
    name: 'webhooks, a page, how many, or one',
    text: /^select (…|id, null|count\(\*\)) from (\(select 1 as one from )?webhooks /,
    indexes: ['webhooks_pkey'],
  },
  { name: 'webhook, new', text: /^insert into webhooks /, indexes: [] },
  { name: 'webhook, changed', text: /^update webhooks set .* where webhooks\.id = \$/, indexes: ['webhooks_pkey'] },
  {
    name: 'webhooks, how they fare',
    text: /^with told as \( select id, url, .* from webhooks /,
    indexes: ['webhooks_pkey', 'customers_admins_idx'],
  },
  {
    name: 'webhooks, removed',
    text: /^delete from webhooks /,
    indexes: ['webhooks_pkey', ...deliveryIndexes],
  },
  {
    name: 'deliveries of events',
    text: /^insert into webhook_deliveries \(webhook_id, type/,
    indexes: ['webhook_deliveries_event_key'],
  },
  { name: 'delivery of a test', text: /^insert into webhook_deliveries \(id, /, indexes: [] },
  {
    name: 'deliveries, due ones taken up',
    text: /^update webhook_deliveries set state = 'queued', .* select due\.id from webhooks /,
    indexes: ['webhook_deliveries_due_idx', 'webhook_deliveries_pkey', 'webhooks_pkey'],
    pagesMax: batchPagesMax,
  },
  {
    name: 'deliveries, lost ones given up',
    text: /^update webhook_deliveries set state = 'failed', /,
    indexes: ['webhook_deliveries_due_idx', 'webhook_deliveries_pkey', 'webhooks_pkey'],
    pagesMax: batchPagesMax,
  },
  {
    name: 'deliveries, failed ones sent again',
    text: /^update webhook_deliveries set state = 'queued', .* where state = 'failed' /,
    indexes: ['webhook_deliveries_state_idx', 'webhook_deliveries_pkey', 'webhooks_pkey'],
    pagesMax: batchPagesMax,
  },
  {
    name: 'deliveries, claimed, with what they are sent from',
    text: /^with free as \( select id from webhook_deliveries /,
    indexes: ['webhook_deliveries_pkey', 'webhook_deliveries_state_idx', 'webhooks_pkey'],
    // One for each that is claimed, and its entries in each index.
    pagesMax: 3_000,
  },
  {
    name: 'deliveries, sent',
    text: /^update webhook_deliveries set state = 'sent', /,
    indexes: ['webhook_deliveries_pkey', 'webhook_deliveries_state_idx'],
  },
  {
    name: 'deliveries, refused',
    text: /^update webhook_deliveries as owed set state = case /,
    indexes: ['webhook_deliveries_pkey', 'webhook_deliveries_state_idx'],
    pagesMax: 3_000,
  },
  {
    name: 'delivery, sent again',
    text: /^with found as \(select id, state from webhook_deliveries /,
    indexes: ['webhook_deliveries_pkey'],
  },
  {
    name: 'deliveries, a page, or one',
    text: /^select … from webhook_deliveries /,
    indexes: deliveryIndexes,
  },
  {
    name: 'deliveries, where a page by number begins',
    text: /^select id, null from webhook_deliveries /,
    indexes: deliveryIndexes,
  },
  {
    name: 'deliveries, how many',
    text: /^select count\(\*\) from \(select 1 as one from webhook_deliveries /,
    indexes: deliveryIndexes,
    pagesMax: countedPagesMax,
  },
  {
    name: 'deliveries, cleaned up',
    text: /^delete from webhook_deliveries where ctid /,
    indexes: ['webhook_deliveries_sent_idx'],
    pagesMax: batchPagesMax,
  },
  {
    name: 'deliveries of deleted webhooks, cleaned up',
    text: /^delete from webhook_deliveries where id /,
    indexes: [
      'webhook_deliveries_webhook_idx',
      'webhook_deliveries_event_key',
      'webhook_deliveries_pkey',
      'webhooks_pkey',
    ],
    pagesMax: batchPagesMax,
  },
  {
    name: 'backlog, for metrics',
    text: /^select \(select count\(\*\)::int from \( select 1 from orders where next_status_at /,
    indexes: [
      ...['orders_due_idx', 'mails_state_idx', 'schedule_pauses_pkey'],
      ...['webhook_deliveries_state_idx', 'webhook_deliveries_due_idx'],
    ],
  },
];

const tables = new Set([
  'products',
  'product_words',
  'stock_changes',
  'sales_days',
  'sales_products',
  'sales_marks',
  'customers',
  'orders',
  'order_items',
  'order_details',
  'order_history',
  'mails',
  'idempotency_records',
  'sessions',
  'audit_events',
  'mail_tokens',
  'api_keys',
  'second_factors',
  'recovery_codes',
  'webhook_deliveries',
]);

/** The text of a statement without what differs between equals: quotes, numbers of parameters, lists of columns. */
export function shapeOf(text: string): string {
  return text
    .replaceAll('"', '')
    .replaceAll(/\$\d+/g, '$')
    .replace(/^select (?!count|scope|\(|1)[\w.]+(, (?!null)[\w.]+)+ from/, 'select … from');
}

/** Statements about the database itself: the driver's, of the schema's version, and those that only ask for a plan. */
export function isAside(text: string): boolean {
  return /pg_catalog|pg_settings|__drizzle_migrations|^explain |^array\(/i.test(text);
}

export function kindsOf(text: string): Kind[] {
  const shape = shapeOf(text);
  return kinds.filter((kind) => kind.text.test(shape));
}

/** How many pages a statement looked at, in memory or not. */
export function pagesOf(plan: PlanNode): number {
  return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0);
}

export function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

/** What is wrong with how a statement was run, as one line; null when nothing is. */
export function faultOf({ text, plan }: Recorded): string | null {
  const [kind, ...others] = kindsOf(text);
  if (!kind) return `no row in the table of statements: ${shapeOf(text)}`;
  if (others.length > 0) return `${[kind, ...others].map(({ name }) => name).join(' or ')}: ${shapeOf(text)}`;
  const nodes = nodesOf(plan);
  const read = nodes.find((node) => node['Node Type'] === 'Seq Scan' && tables.has(node['Relation Name'] ?? ''));
  if (read) return `${kind.name}: reads all of ${read['Relation Name']}: ${shapeOf(text)}`;
  const wrong = nodes.flatMap((node) => node['Index Name'] ?? []).find((index) => !kind.indexes.includes(index));
  if (wrong) return `${kind.name}: uses ${wrong}: ${shapeOf(text)}`;
  const pages = pagesOf(plan);
  const pagesMax = kind.pagesMax ?? pagesMaxByDefault;
  return pages > pagesMax ? `${kind.name}: looks at ${pages} pages: ${shapeOf(text)}` : null;
}
