import postgres from 'postgres';
import { eventually } from '../../tests/support/wait.ts';
import { makeBacklog } from '../backlog.ts';
import { residentBytes, treeCpuSeconds } from '../processes.ts';
import { watchOthers } from '../quiet.ts';
import { figure, megabytes, type Work } from '../results.ts';

const workers = 2;
const patienceMs = 10 * 60_000;

export const mails: Work = {
  name: 'mails',
  title: 'Mails from the outbox to the mail server',
  async run({ stage, sizes, servers, beforeRound }) {
    const { postgres: database, mail } = servers;
    const count = sizes.backlogMails;
    const home = await stage.newHome();
    await makeBacklog(home.databaseUrl, count, 'mails');
    mail.deliveries.length = 0;
    await beforeRound();

    const sql = postgres(home.databaseUrl, { max: 1 });
    const othersShare = watchOthers();
    const postgresBefore = treeCpuSeconds(database.pid);
    const children = Array.from({ length: workers }, () => stage.worker(home));
    try {
      await eventually(() => mail.deliveries.length >= count, { withinMs: patienceMs, everyMs: 50 });
      const workersUsed = children.reduce((sum, { pid }) => sum + treeCpuSeconds(pid), 0);
      const postgresUsed = treeCpuSeconds(database.pid) - postgresBefore;
      const share = othersShare();
      await eventually(async () => (await unsent(sql)) === 0, { withinMs: patienceMs, everyMs: 50 });

      const { deliveries } = mail;
      const seconds = ((deliveries[count - 1]?.at ?? 0) - (deliveries[0]?.at ?? 0)) / 1_000;
      const perSecond = (count - 1) / seconds;
      const twice = deliveries.length - new Set(deliveries.map(({ messageId }) => messageId)).size;
      const peakBytes = Math.max(...children.map(({ pid }) => residentBytes(pid).peak));
      return {
        method: `${figure(count)} mails wait in the outbox; ${workers} workers send them to a mail server on this machine that takes everything at once. The clock is the mail server's, from the first message to the last. Afterwards every row of the outbox is sent.`,
        table: {
          columns: ['', 'mails/s', 'CPU µs a mail: workers', 'Postgres', 'peak RSS MB', 'arrived twice'],
          rows: [
            [
              'shop',
              figure(perSecond),
              figure((workersUsed * 1_000_000) / count),
              figure((postgresUsed * 1_000_000) / count),
              figure(megabytes(peakBytes)),
              String(twice),
            ],
          ],
        },
        chart: { unit: 'mails/s', bars: [{ name: 'shop', value: perSecond, ours: true }] },
        targets: [
          { what: `With ${workers} workers`, value: perSecond, bound: 'at least', limit: 3_000, unit: 'mails/s' },
          { what: 'Mails that arrived twice', value: twice, bound: 'at most', limit: 0, unit: 'mails' },
        ],
        othersShareMax: share,
      };
    } finally {
      await sql.end();
    }
  },
};

async function unsent(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*)::int as count from mails where state <> 'sent'`;
  return row?.count ?? 0;
}
