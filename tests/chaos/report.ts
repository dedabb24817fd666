import type { ChaosResult, Progress } from './chaos.ts';
import { percentile } from './journal.ts';

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
const casesShownMax = 5;

/** One line about a run that is under way. */
export function progressLine({ elapsedMs, journal, underWay, acknowledged }: Progress): string {
  const fault = journal.faults.find(({ recoveredAt }) => recoveredAt === null)?.kind;
  const answers = journal.durationsMs('answer').length;
  const broken = journal.breaches().length;
  return [
    seconds(elapsedMs),
    `${(answers / (elapsedMs / 1_000)).toFixed(1)} answers/s`,
    `${underWay} under way`,
    `${acknowledged} orders`,
    `503: ${journal.counts.get('503') ?? 0}`,
    `no answer: ${journal.counts.get('no answer') ?? 0}`,
    `faults: ${journal.faults.length}${fault ? `, now ${fault}` : ''}`,
    broken > 0 ? `BROKEN PROMISES: ${broken}` : 'all promises kept',
  ].join(' · ');
}

/** The report of a run, for people and for the docs. */
export function report(result: ChaosResult): string {
  const { seed, journal, loadMs, settledMs, intents, records, mails, webhook, mailDelaysMs, latenessMs } = result;
  const answers = journal.durationsMs('answer');
  const acknowledged = intents.filter(({ outcome }) => typeof outcome === 'object').length;
  const refused = intents.filter(({ outcome }) => outcome === 'refused').length;
  const delivered = records.orders.filter(({ status }) => status === 'delivered').length;
  const deleted = records.orders.filter(({ deletedAt }) => deletedAt !== null).length;
  const late = latenessMs.filter((ms) => ms > 2_000).length;
  const statuses = [...journal.counts].filter(([name]) => /^\d+$|^no answer$/.test(name)).sort();

  return [
    `Seed ${seed}: ${seconds(loadMs)} of load, then ${seconds(settledMs)} until nothing was left to do.`,
    '',
    ...faultTable(journal.faults),
    '',
    `Requests  ${answers.length}, ${(answers.length / (loadMs / 1_000)).toFixed(1)}/s; ${statuses.map(([status, count]) => `${status}: ${count}`).join(', ')}`,
    `Answers   ${spread(answers)}`,
    `Orders    ${intents.length} wanted, ${acknowledged} acknowledged, ${refused} refused; ${records.orders.length} stored:`,
    `          ${delivered} delivered, ${records.orders.length - delivered} cancelled, ${deleted} of them deleted; ${records.keys} with a key`,
    `          placed without a fault: ${spread(journal.durationsMs('order'))}`,
    `          placed while Redis was away or slow: ${spread(journal.durationsMs('order without Redis'))}`,
    `          placed while a log was not read: ${spread(journal.durationsMs('order with a log unread'))}`,
    `Progress  ${latenessMs.length} steps: ${spread(latenessMs)} late, ${late} by more than 2 s because of a fault`,
    `Mails     ${mails.owed} owed, ${mails.once} sent once, ${mails.repeated} repeated in the SMTP window (${mails.copies} copies)`,
    `          from status to mail server: ${spread(mailDelaysMs)}`,
    `Webhook   ${webhook ? `${webhook.owed} facts, ${webhook.once} told once, ${webhook.repeated} more often under one id` : 'none'}`,
    `Lists     ${journal.counts.get('lists read after a write') ?? 0} read right after a write; stock looked at ${journal.counts.get('looks at the stock') ?? 0} times, ${records.bookings.length} changes booked`,
    '',
    ...verdict(result),
  ].join('\n');
}

function faultTable(faults: ChaosResult['journal']['faults']): string[] {
  const rows = [...Map.groupBy(faults, ({ kind }) => kind)].map(([kind, records]) => {
    const recoveriesMs = records.map(
      ({ endedAt, recoveredAt }) => (recoveredAt ?? Number.NaN) - (endedAt ?? Number.NaN),
    );
    return [kind, String(records.length), seconds(percentile(recoveriesMs, 0.5)), seconds(Math.max(...recoveriesMs))];
  });
  return [['Fault', 'Times', 'Recovery p50', 'max'], ...rows.sort()].map(([kind = '', ...figures]) =>
    [kind.padEnd(34), ...figures.map((figure) => figure.padStart(13))].join(''),
  );
}

function spread(values: readonly number[]): string {
  const ms = (share: number) => Math.round(percentile(values, share));
  return values.length === 0 ? 'none' : `p50 ${ms(0.5)} ms, p99 ${ms(0.99)} ms, max ${ms(1)} ms`;
}

function verdict({ journal }: ChaosResult): string[] {
  const breaches = journal.breaches();
  if (breaches.length === 0) return ['Every promise was kept.'];
  return breaches.flatMap(({ promise, cases }) => [
    `BROKEN, ${cases.length} times: ${promise}`,
    ...cases.slice(0, casesShownMax).map((text) => `  ${text}`),
  ]);
}
