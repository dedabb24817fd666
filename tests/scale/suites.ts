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
  'names',
  'order-races',
  'orders',
  'passwords',
  'products',
  'progress',
  'throttle',
  'tokens',
  'wire',
];

/** The others, by why they are left out. */
export const leftOut = {
  'Bring servers of their own': ['chaos', 'failover', 'mail-tls', 'upgrade'],
  'Are about one machine, or one Redis': ['demo', 'logs', 'outages', 'permissions', 'telemetry'],
  'Are about a process, whatever it works on': [
    'bundle',
    'chain',
    'clocks',
    'hashing',
    'headers',
    'hostile-input',
    'operators',
    'runtimes',
    'settings',
    'slow-readers',
    'takeover',
  ],
  'Are about statements, without a shop': ['backlog', 'databases', 'growth', 'migrations', 'seed'],
  'Read files': ['compose', 'deploy', 'docs', 'kubernetes', 'sbom'],
};
