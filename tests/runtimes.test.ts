import { describeRuntime } from './support/runtimes.ts';

describeRuntime('Bun', true, (entry) => [process.execPath, `${entry}.ts`]);
