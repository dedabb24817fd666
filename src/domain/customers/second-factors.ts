import { and, eq, isNotNull, isNull, lt, or, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { clockMs, statementTime, texts } from '../../db/sql.ts';
import { recoveryCodes, secondFactors } from '../../db/tables.ts';
import { ShopError } from '../../errors.ts';
import type { Sealer } from '../../lib/sealing.ts';
import { writeEvent } from '../audit/events.ts';
import type { AccountActor, Actor } from './actor.ts';
import { lockAccount } from './locks.ts';
import { hashOfRecoveryCode, newRecoveryCodes, newTotpSecret, stepOfCode, totpUrl } from './totp.ts';

/** What was shown for a second factor: a code of a time step, or a recovery code by its hash; null where there is none. */
export type Proof = { kind: 'step'; step: number } | { kind: 'recovery'; codeHash: string } | null;

const isOf = (accountId: string) => eq(secondFactors.customerId, accountId);
const isActive = isNotNull(secondFactors.confirmedAt);
const isUnused = (step: number) => or(isNull(secondFactors.lastStep), lt(secondFactors.lastStep, step));

const wrongCode = () => new ShopError('invalid_credentials', 'The code is wrong, or has been used.');
const active = () => new ShopError('totp_active', 'The account has a second factor already.');

/** An account whose owner has shown the password. */
type Checked = { id: string; email: string; tokenVersion: number };

type Factor = { secret: string; confirmedAt: Date | null; lastStep: number | null; nowMs: number };

/** Reads the second factor of an account, with the moment by Postgres' clock; undefined when none has been begun. */
async function findFactor(reader: Reader, accountId: string): Promise<Factor | undefined> {
  const [found] = await reader
    .select({
      secret: secondFactors.secret,
      confirmedAt: secondFactors.confirmedAt,
      lastStep: secondFactors.lastStep,
      nowMs: clockMs,
    })
    .from(secondFactors)
    .where(isOf(accountId));
  return found && { ...found, nowMs: Number(found.nowMs) };
}

/** What a code proves, null when it is wrong or has been used. */
async function proofOf(
  reader: Reader,
  accountId: string,
  { secret, lastStep, nowMs }: Factor,
  code: string,
  sealer: Sealer,
): Promise<Proof> {
  const codeHash = hashOfRecoveryCode(code);
  const [recovery] = await reader
    .select({ codeHash: recoveryCodes.codeHash })
    .from(recoveryCodes)
    .where(and(eq(recoveryCodes.customerId, accountId), eq(recoveryCodes.codeHash, codeHash)));
  if (recovery) return { kind: 'recovery', codeHash };
  const step = stepOfCode(await sealer.open(secret, accountId), code, nowMs);
  return step === null || (lastStep !== null && step <= lastStep) ? null : { kind: 'step', step };
}

/**
 * Looks at the code of somebody who has shown their password; `useProof` then makes it count, once.
 * @returns null where the account has no second factor
 * @throws {ShopError} `code_required`, `invalid_credentials`
 */
export async function checkCode(
  reader: Reader,
  accountId: string,
  code: string | undefined,
  sealer: Sealer,
): Promise<Proof> {
  const factor = await findFactor(reader, accountId);
  if (!factor?.confirmedAt) return null;
  if (code === undefined) throw codeRequired();
  const proof = await proofOf(reader, accountId, factor, code, sealer);
  if (!proof) throw wrongCode();
  return proof;
}

const codeRequired = () => new ShopError('code_required', 'The account has a second factor: send its code, too.');

/**
 * Uses a code up. Of all who show the same at the same instant, one gets through. Its caller has locked the account, so
 * that nobody turns the second factor on or off meanwhile.
 * @throws {ShopError} `invalid_credentials` when the code has been used meanwhile, `code_required` when there is a second
 *   factor by now
 */
export async function useProof(tx: Transaction, accountId: string, proof: Proof): Promise<void> {
  if (proof === null) {
    const factor = await findFactor(tx, accountId);
    if (factor?.confirmedAt) throw codeRequired();
    return;
  }
  const used =
    proof.kind === 'recovery'
      ? await tx
          .delete(recoveryCodes)
          .where(and(eq(recoveryCodes.customerId, accountId), eq(recoveryCodes.codeHash, proof.codeHash)))
          .returning({ of: recoveryCodes.customerId })
      : await tx
          .update(secondFactors)
          .set({ lastStep: proof.step })
          .where(and(isOf(accountId), isActive, isUnused(proof.step)))
          .returning({ of: secondFactors.customerId });
  if (used.length === 0) throw wrongCode();
}

/**
 * Begins a second factor, in place of one that was begun and not confirmed.
 * @throws {ShopError} `totp_active`; `invalid_credentials` when the password has changed meanwhile
 */
export async function startTotp(
  tx: Transaction,
  account: Checked,
  { issuer, sealer }: { issuer: string; sealer: Sealer },
): Promise<{ secret: string; url: string }> {
  await lockAccount(tx, account);
  if ((await findFactor(tx, account.id))?.confirmedAt) throw active();
  const secret = newTotpSecret();
  const begun = { secret: await sealer.seal(secret, account.id), createdAt: statementTime };
  await tx
    .insert(secondFactors)
    .values({ customerId: account.id, ...begun })
    .onConflictDoUpdate({ target: secondFactors.customerId, set: begun });
  return { secret, url: totpUrl(secret, { issuer, label: account.email }) };
}

/**
 * Turns a second factor on that was begun, once a code shows that the owner has it.
 * @returns the recovery codes, of which only hashes are kept
 * @throws {ShopError} `totp_not_started`, `totp_active`, `invalid_credentials`
 */
export async function confirmTotp(
  tx: Transaction,
  actor: AccountActor,
  code: string,
  sealer: Sealer,
): Promise<string[]> {
  await lockAccount(tx, actor);
  const factor = await findFactor(tx, actor.id);
  if (!factor) throw new ShopError('totp_not_started', 'No second factor has been begun.');
  if (factor.confirmedAt) throw active();
  const step = stepOfCode(await sealer.open(factor.secret, actor.id), code, factor.nowMs);
  if (step === null) throw wrongCode();
  // The code that confirms is used up by it.
  await tx.update(secondFactors).set({ confirmedAt: statementTime, lastStep: step }).where(isOf(actor.id));
  const { codes, hashes } = newRecoveryCodes();
  await tx.execute(sql`
    insert into recovery_codes (customer_id, code_hash) select ${actor.id}::uuid, code_hash
    from unnest(${texts(hashes)}) as code_hash`);
  await writeEvent(tx, actor, {
    action: 'customer.totp_enabled',
    subject: { kind: 'customer', id: actor.id },
    changes: { totp: {} },
  });
  return codes;
}

/**
 * Takes a second factor away.
 * @throws {ShopError} `totp_not_active`, `invalid_credentials`
 */
export async function removeTotp(
  tx: Transaction,
  account: Checked,
  code: string,
  { actor, sealer }: { actor: AccountActor; sealer: Sealer },
): Promise<void> {
  await lockAccount(tx, account);
  const factor = await findFactor(tx, account.id);
  if (!factor?.confirmedAt) throw new ShopError('totp_not_active', 'The account has no second factor.');
  if (!(await proofOf(tx, account.id, factor, code, sealer))) throw wrongCode();
  await dropTotp(tx, account.id);
  await writeDisabled(tx, account.id, actor);
}

/** Tells that an account has no second factor any more. */
export async function writeDisabled(tx: Transaction, accountId: string, actor: Actor): Promise<void> {
  await writeEvent(tx, actor, {
    action: 'customer.totp_disabled',
    subject: { kind: 'customer', id: accountId },
    changes: { totp: {} },
  });
}

/**
 * Takes away the second factor of an account that its caller has locked, and its recovery codes.
 * @returns whether there was one that counted
 */
export async function dropTotp(tx: Transaction, accountId: string): Promise<boolean> {
  await tx.delete(recoveryCodes).where(eq(recoveryCodes.customerId, accountId));
  const [dropped] = await tx
    .delete(secondFactors)
    .where(isOf(accountId))
    .returning({ confirmedAt: secondFactors.confirmedAt });
  return dropped !== undefined && dropped.confirmedAt !== null;
}
