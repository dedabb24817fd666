/** The suites that `npm run scale` runs: what clients see, and what follows from it. */
export const suites = [
  'accounts',
  'authorisation',
  'broken-connections',
  'cache',
  'customers',
  'idempotency',
  'lists',
  'mail',
  'mail-outages',
  'model',
  'order-races',
  'orders',
  'products',
  'progress',
  'throttle',
  'tokens',
  'wire',
];

/** The others, by why they are left out. */
export const leftOut = {
  'Bring servers of their own': ['chaos', 'upgrade'],
  'Are about one machine, or one Redis': ['demo', 'logs', 'outages', 'telemetry'],
  'Are about a process, whatever it works on': ['bundle', 'headers', 'hostile-input', 'runtimes', 'settings'],
  'Are about statements, without a shop': ['backlog', 'growth', 'migrations', 'seed'],
  'Read files': ['compose', 'deploy', 'docs', 'kubernetes'],
};
