import { sign } from 'hono/jwt';
import type { CustomerBody } from '../../src/schema/customers.ts';
import { type Account, freshEmail, request } from './client.ts';
import { jwtSecret, type Shop } from './shop.ts';

const password = 'open sesame';
/** Of far less memory and time than the shop's own, which are most of what an account costs a suite. */
const passwordHash = Bun.password.hashSync(password, { algorithm: 'argon2id', memoryCost: 8, timeCost: 1 });
const sessionSeconds = 3_600;

/**
 * A customer nobody else uses, signed in, as `registerCustomer` makes one, but in the database: for suites that need
 * somebody who asks, and say nothing of how accounts come to be. No audit event tells of it.
 */
export async function openAccount(
  { url, db }: Pick<Shop, 'url' | 'db'>,
  given: Partial<{ name: string; email: string; phone: string }> = {},
): Promise<Account> {
  const { name = 'Ada Lovelace', email = freshEmail(), phone = null } = given;
  const [opened] = await db<{ sub: string; sid: string }[]>`
    with opened as (
      insert into customers (id, name, email, phone, password_hash, created_at, updated_at)
      values (uuid_v7(now()), ${name}, ${email}, ${phone}, ${passwordHash}, date_trunc('ms', now()), date_trunc('ms', now()))
      returning id
    ), begun as (
      insert into sessions (id, customer_id, address, created_at, expires_at)
      select uuid_v7(now()), id, '127.0.0.1', now(), now() + make_interval(secs => ${sessionSeconds}) from opened
      returning id
    )
    select opened.id as sub, begun.id as sid from opened, begun`;
  const iat = Math.floor(Date.now() / 1_000);
  const claims = { ...opened, ver: 1, aud: 'shop', typ: 'access', iat, exp: iat + sessionSeconds };
  const token = await sign(claims, jwtSecret, 'HS256');
  const { body } = await request<CustomerBody>(url, 'GET', `/api/customers/${opened?.sub}`, { token });
  return { ...body, password, token };
}

/** One more admin, beside the one that every shop of the suites begins with. */
export async function openAdmin(shop: Pick<Shop, 'url' | 'db'>): Promise<Account> {
  const account = await openAccount(shop);
  await shop.db`update customers set role = 'admin' where id = ${account.id}`;
  return { ...account, role: 'admin' };
}
