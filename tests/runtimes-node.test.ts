import { describeRuntime } from './support/runtimes.ts';

describeRuntime('Node', Bun.which('node') !== null, (entry) => ['sh', 'scripts/start-node.sh', entry]);
