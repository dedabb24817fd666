import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import type { z } from 'zod';
import { openDatabase, type Transaction } from '../src/db/client.ts';
import { schemaIsCurrent } from '../src/db/migrate.ts';
import { withTransaction } from '../src/db/transaction.ts';
import { createAdmin, resetTotp } from '../src/domain/customers/admins.ts';
import { hashPassword } from '../src/domain/customers/passwords.ts';
import { ShopError } from '../src/errors.ts';
import { adminSchema } from '../src/schema/customers.ts';
import { readSettingsOf } from '../src/settings.ts';
import { reasonOf } from './reason.ts';

const closeTimeoutMs = 5_000;

const outcomes = {
  created: 'is now an admin, with a new account.',
  promoted:
    'is now an admin. The account was there before: it keeps its name, has the new password, and is signed out.',
};

const howToPromote =
  'If you know whose it is, add --promote: that makes it an admin with this password, and ends every token it has.';

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      email: { type: 'string', default: '' },
      name: { type: 'string', default: '' },
      promote: { type: 'boolean', default: false },
      'reset-totp': { type: 'boolean', default: false },
    },
  });
  const { databaseUrl, adminPassword } = readSettingsOf('command');
  if (!databaseUrl) throw new Error('DATABASE_URL is not set: it says in which database the admin is to be.');
  if (values['reset-totp']) return reset(databaseUrl, check(adminSchema.pick({ email: true }), values).email);
  const { email, name } = check(adminSchema.omit({ password: true }), values);
  const { password } = check(adminSchema.pick({ password: true }), {
    password: adminPassword ?? (await askForPassword()),
  });
  const admin = { name, email, passwordHash: await hashPassword(password) };
  try {
    const outcome = await inTransaction(databaseUrl, (tx) => createAdmin(tx, admin, values.promote));
    console.log(`${email} ${outcomes[outcome]}`);
  } catch (error) {
    if (!(error instanceof ShopError && error.code === 'email_taken')) throw error;
    throw new Error(`${email} has an account already. ${howToPromote}`);
  }
}

/** For an admin who has lost both their second factor and its recovery codes. */
async function reset(databaseUrl: string, email: string): Promise<void> {
  try {
    await inTransaction(databaseUrl, (tx) => resetTotp(tx, email));
    console.log(`${email} has no second factor any more.`);
  } catch (error) {
    if (!(error instanceof ShopError)) throw error;
    if (error.code === 'not_found') throw new Error(`${email} is no admin’s address.`);
    throw error.code === 'totp_not_active' ? new Error(`${email} has no second factor.`) : error;
  }
}

async function inTransaction<T>(databaseUrl: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const { db, close } = openDatabase(databaseUrl, { poolSize: 1, applicationName: 'shop admin:create' });
  try {
    if (!(await schemaIsCurrent(db)))
      throw new Error('The database lacks the newest schema: run `bun run db:migrate`.');
    return await withTransaction(db, work);
  } finally {
    await close(closeTimeoutMs);
  }
}

function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`${parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('; ')}.`);
}

async function askForPassword(): Promise<string> {
  if (!process.stdin.isTTY) throw new Error('Set ADMIN_PASSWORD, or run this on a terminal to be asked for it.');
  const password = await askInSecret('Password: ');
  if ((await askInSecret('Once more: ')) !== password) throw new Error('The two passwords differ.');
  return password;
}

/** Asks on the terminal, where nothing of the answer is shown. */
async function askInSecret(question: string): Promise<string> {
  process.stdout.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  const givenUp = new AbortController();
  terminal.on('SIGINT', () => givenUp.abort());
  terminal.on('close', () => givenUp.abort());
  try {
    return await terminal.question('', { signal: givenUp.signal });
  } catch {
    throw new Error('No password was given.');
  } finally {
    terminal.close();
    process.stdout.write('\n');
  }
}

// Not awaited at the top level, because Bun can turn only programs without that into bytecode.
run().catch((error: unknown) => {
  console.error(reasonOf(error));
  process.exitCode = 1;
});
