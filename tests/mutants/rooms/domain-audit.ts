import type { Mutant } from '../mutant.ts';

export const audit: Mutant[] = [
  {
    name: 'order-of-members',
    says: 'Takes members that come in another order for a change',
    file: 'src/domain/audit/events.ts',
    find: 'JSON.stringify(value, inOneOrder)',
    replace: 'JSON.stringify(value)',
    suites: ['tests/bulk.test.ts'],
    test: 'books a difference of stock, with one event for the product',
  },
  {
    name: 'values-of-names',
    says: 'Tells in an event what a personal field was',
    file: 'src/domain/audit/events.ts',
    find: "told === 'values' ? { from, to } : {}",
    replace: "told !== 'secret' ? { from, to } : {}",
    suites: ['tests/privacy.test.ts', 'tests/audit-events.test.ts'],
  },
];
