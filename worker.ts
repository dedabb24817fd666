import { runProcess } from './src/processes/process.ts';
import { openLog } from './src/processes/shared.ts';
import { openWorkerServices } from './src/processes/worker.ts';
import { readSettingsOf } from './src/settings.ts';

// Not awaited at the top level, because Bun can turn only programs without that into bytecode.
void runProcess(async ({ closing, closers }) => {
  const settings = readSettingsOf('worker');
  // Loaded only where it is wanted, because it brings a dozen packages that nothing else needs.
  const traces = settings.otlpEndpoint ? await import('./src/telemetry/traces.ts') : undefined;
  const log = openLog(settings, 'worker');
  if (traces) closers.add('traces', traces.startTraces(settings, 'shop-worker', log));
  const { scheduled } = await openWorkerServices({ settings, log, closers }, closing);
  void scheduled.then(() => log.info('working'));
  return { log, timeoutMs: settings.shutdownTimeoutMs };
});
