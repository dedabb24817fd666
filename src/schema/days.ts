import { z } from 'zod';

const dayMs = 24 * 3_600_000;

/** The last day that has four digits for its year; there is none after it. */
export const lastDay = '9999-12-31';

/** A day in UTC, as `2026-11-22`, that Postgres knows, which has no year 0. */
export const dayInput = z.iso
  .date()
  .refine((day) => day >= '0001-01-01', 'must not be before 0001-01-01')
  .meta({ type: 'string', format: 'date', example: '2026-11-22' });

/** When a day in UTC begins; with `after`, so many days later. */
export function startOfDay(day: string, after = 0): Date {
  return new Date(Date.parse(`${day}T00:00:00.000Z`) + after * dayMs);
}

/** How many days there are from one to another, both included. */
export function daysBetween(from: string, to: string): number {
  return (startOfDay(to).getTime() - startOfDay(from).getTime()) / dayMs + 1;
}

/** Refuses a span that ends before it begins, or has more days than it may. */
export function checkSpan(
  { from, to }: { from?: string | undefined; to?: string | undefined },
  context: z.RefinementCtx,
  daysMax = Number.POSITIVE_INFINITY,
): void {
  if (from === undefined || to === undefined) return;
  const days = daysBetween(from, to);
  const refuse = (message: string) => context.addIssue({ code: 'custom', path: ['to'], message });
  if (days < 1) refuse('must not be before from');
  if (days > daysMax) refuse(`must be within ${daysMax} days`);
}
