// What `bun run chaos` runs: a whole shop under load while everything around it fails, and a report.
// --minutes N (1), --seed N (a new one each time; the same seed makes the same faults), --rate N (actions per second)

import { readChaosArguments, tellOfChaos } from './command.ts';
import { single } from './single.ts';

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interruption.abort());

const kept = await tellOfChaos(single, readChaosArguments({ minutes: '1', rate: '30' }), interruption.signal);
if (interruption.signal.aborted) console.log('\nInterrupted; everything has been taken down.');
process.exit(interruption.signal.aborted ? 130 : Number(!kept));
