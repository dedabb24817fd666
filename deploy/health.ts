// Asks the process of this container whether it is alive, for an image without a shell or curl. A worker is asked at its
// METRICS_PORT, which an API in a container of its own therefore does without.

import { readSettingsOf } from '../src/settings.ts';

const timeoutMs = 2_000;

async function ask(): Promise<void> {
  const { metricsPort, port } = readSettingsOf('command');
  const { status } = await fetch(`http://127.0.0.1:${metricsPort ?? port}/healthz`, {
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (status !== 200) throw new Error(`/healthz answered ${status}.`);
}

// Not awaited at the top level, because Bun can turn only programs without that into bytecode.
ask().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
