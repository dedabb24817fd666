// What sends the mails and moves the orders of server.mjs: plain queries, a look at what is due ten times a second.

import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { uuidv7 } from 'uuidv7';
import { nextStatus, sendOrderMail } from '../mail.mjs';

const { DATABASE_URL, STATUS_INTERVAL_MS } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 20 });
const atOnce = 20;
const pauseMs = 100;

async function inTransaction(work) {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

/** Answers whether there was one. */
const moveOne = () =>
  inTransaction(async (client) => {
    const { rows } = await client.query(
      'select id, run, status from orders where next_status_at <= now() order by next_status_at limit 1 for update skip locked',
    );
    const [order] = rows;
    if (!order) return false;
    const next = nextStatus[order.status];
    const now = new Date();
    const nextStatusAt = next === 'delivered' ? null : new Date(now.getTime() + Number(STATUS_INTERVAL_MS));
    await client.query('update orders set status = $2, next_status_at = $3, updated_at = $4 where id = $1', [
      order.id,
      next,
      nextStatusAt,
      now,
    ]);
    await client.query('insert into order_history (order_id, run, status, at) values ($1, $2, $3, $4)', [
      order.id,
      order.run,
      next,
      now,
    ]);
    await client.query(
      'insert into mails (id, order_id, run, status, created_at, due_at) values ($1, $2, $3, $4, $5, $5)',
      [uuidv7(), order.id, order.run, next, now],
    );
    return true;
  });

const sendOne = () =>
  inTransaction(async (client) => {
    const { rows } = await client.query(
      "select id, order_id, run, status from mails where state = 'queued' order by id limit 1 for update skip locked",
    );
    const [mail] = rows;
    if (!mail) return false;
    const { rows: orders } = await client.query(
      'select orders.id, total_cents as "totalCents", customers.name, customers.email from orders join customers on customers.id = customer_id where orders.id = $1',
      [mail.order_id],
    );
    const { rows: items } = await client.query(
      'select name, quantity, unit_price_cents as "unitPriceCents" from order_items where order_id = $1 order by position',
      [mail.order_id],
    );
    await sendOrderMail({ mail, order: orders[0], items, customer: orders[0] });
    await client.query(
      "update mails set state = 'sent', attempts = attempts + 1, sent_at = now(), due_at = null where id = $1",
      [mail.id],
    );
    return true;
  });

async function keep(work) {
  for (;;) if (!(await work())) await sleep(pauseMs);
}

for (let each = 0; each < 4; each += 1) void keep(moveOne);
for (let each = 0; each < atOnce - 4; each += 1) void keep(sendOne);
