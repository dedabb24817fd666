import { runProcess } from './src/process.ts';
import { readSettings } from './src/settings.ts';
import { openWorkerServices } from './src/worker-services.ts';

// Not awaited at the top level, because Bun can turn only programs without that into bytecode.
void runProcess(async (closing) => {
  const settings = readSettings();
  // Loaded only where it is wanted, because it brings a dozen packages that nothing else needs.
  const traces = settings.otlpEndpoint ? await import('./src/telemetry/traces.ts') : undefined;
  const worker = await openWorkerServices(settings, closing);
  const stopTraces = traces?.startTraces(settings, 'shop-worker', worker.log);
  void worker.working.then(() => worker.log.info('working'));
  return {
    log: worker.log,
    timeoutMs: settings.shutdownTimeoutMs,
    stop: async () => {
      await worker.close();
      await stopTraces?.();
    },
  };
});
