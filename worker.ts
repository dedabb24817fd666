import { runProcess } from './src/process.ts';
import { openWorkerServices } from './src/services.ts';
import { readSettings } from './src/settings.ts';

await runProcess(async () => {
  const settings = readSettings();
  const worker = openWorkerServices(settings);
  worker.log.info('working');
  return { log: worker.log, timeoutMs: settings.shutdownTimeoutMs, stop: worker.close };
});
