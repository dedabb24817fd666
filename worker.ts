import { runProcess } from './src/process.ts';
import { openWorkerServices } from './src/services.ts';
import { readSettings } from './src/settings.ts';

// Not awaited at the top level, because Bun can turn only programs without that into bytecode.
void runProcess(async (closing) => {
  const settings = readSettings();
  const worker = await openWorkerServices(settings, closing);
  worker.log.info('working');
  return { log: worker.log, timeoutMs: settings.shutdownTimeoutMs, stop: worker.close };
});
