import { describe, expect, test } from 'bun:test';
import { tmpdir } from 'node:os';
import { runChaos } from './chaos/chaos.ts';
import { patienceBesideOthers } from './chaos/limits.ts';
import { report } from './chaos/report.ts';
import { type SingleFault, single } from './chaos/single.ts';

const loadMs = 25_000;
const patience = patienceBesideOthers();
const timeoutMs = patience * 75_000 + 100_000;

/** One or two of every sort; `bun run chaos` knows more, and has more time for them. */
const kinds: SingleFault[] = [
  'worker killed',
  'API killed',
  'rolling restart',
  'log of a worker not read',
  'log of an API not read',
  'Redis killed, back empty',
  'Redis frozen (SIGSTOP)',
  'Redis forbids writes (ACL)',
  'Redis demoted (READONLY)',
  'Postgres crashed (immediate)',
  'Postgres frozen (SIGSTOP)',
  'Postgres sessions read-only',
  'Postgres rows locked',
  'Postgres forbids orders',
  'Postgres forbids updates of mails',
  'mail server hangs up in DATA',
  'mail server takes one connection',
  'mail server accepts without 250',
  'webhook hangs up',
  'webhook gone (410)',
];

describe('a shop under load', () => {
  describe('when its processes and everything around it fail one after the other', () => {
    test(
      'loses nothing, does nothing twice and recovers each time',
      async () => {
        const result = await runChaos(single, {
          seed: Math.floor(Math.random() * 1_000_000),
          // The other suites run on the same machine at the same time.
          rate: 8,
          patience,
          loadMs,
          kinds,
          logDirectory: process.env.TEST_LOGS ?? tmpdir(),
        });
        console.log(report(result));
        expect(result.journal.breaches()).toEqual([]);
        // A busy machine may take most of the time for the first of them.
        expect(result.journal.faults.length).toBeGreaterThan(0);
      },
      timeoutMs,
    );
  });
});
