import type { Mutant } from '../mutant.ts';

const retries = 'clients/typescript/src/retry.ts';
const retryTests = ['clients/typescript/src/retry.test.ts'];
const client = 'clients/typescript/src/index.ts';
const clientTests = ['clients/typescript/src/index.test.ts'];

export const clientPackage: Mutant[] = [
  {
    name: 'client-new-key-each-time',
    says: 'Sends each attempt of an order with a key of its own',
    file: retries,
    find: 'const answer = await send(input, { ...init, headers });',
    replace:
      "if (isKeyed) headers.set('Idempotency-Key', randomKey());\n        const answer = await send(input, { ...init, headers });",
    suites: retryTests,
    test: 'has one key of its own for all attempts',
  },
  {
    name: 'client-overwrites-key',
    says: "Overwrites the caller's own key",
    file: retries,
    find: "isKeyed && !headers.has('Idempotency-Key')",
    replace: 'isKeyed',
    suites: retryTests,
    test: 'keeps it',
  },
  {
    name: 'client-repeats-anything',
    says: 'Sends a sign-in or a cancellation again whose answer was lost',
    file: retries,
    find: 'const isRepeatable = isKeyed || idempotentMethods.has(method);',
    replace: 'const isRepeatable = true;',
    suites: retryTests,
    test: 'is sent again only when nothing was done',
  },
  {
    name: 'client-first-still-runs',
    says: 'Takes it for the answer that the first attempt still runs',
    file: retries,
    find: 'return answer.status === 409 && isRepeatable &&',
    replace: 'return false && answer.status === 409 && isRepeatable &&',
    suites: retryTests,
    test: 'has one key of its own for all attempts',
  },
  {
    name: 'client-waits-as-it-likes',
    says: 'Overlooks `Retry-After`',
    file: retries,
    find: 'waitMs = retryAfterMs(answer) ?? pauseMs;',
    replace: 'waitMs = pauseMs;',
    suites: retryTests,
    test: 'Retry-After',
  },
  {
    name: 'client-retries-without-end',
    says: 'Sends one more time than may be',
    file: retries,
    find: 'if (retries === retriesMax || !(await isTemporary',
    replace: 'if (retries > retriesMax || !(await isTemporary',
    suites: retryTests,
    test: 'end with the last',
  },
  {
    name: 'client-deaf-while-waiting',
    says: 'Does not hear a signal while it waits',
    file: retries,
    find: "else signal?.addEventListener('abort', stop, { once: true });",
    replace: '',
    suites: retryTests,
    test: 'ends it at once',
  },
  {
    name: 'client-token-unasked',
    says: 'Sends no token where a function gives it',
    file: client,
    find: "typeof token === 'function' ? await token() : token;",
    replace: "typeof token === 'function' ? undefined : token;",
    suites: clientTests,
    test: 'is asked for each request',
  },
  {
    name: 'client-page-for-answer',
    says: "Takes a proxy's page for an answer",
    file: client,
    find: 'if (!answer.ok) throw',
    replace: 'if (answer.status === 0) throw',
    suites: clientTests,
    test: 'is another error, with the response',
  },
  {
    name: 'client-first-page-of-search',
    says: 'Ends the walk of a search with its first page',
    file: client,
    find: 'return before.cursor === undefined && page < totalPages ? { page: page + 1 } : undefined;',
    replace: 'return undefined;',
    suites: clientTests,
    test: 'are walked by page',
  },
  {
    name: 'client-walks-on-by-page',
    says: 'Goes on by page where the cursors have ended',
    file: client,
    find: 'before.cursor === undefined && page < totalPages',
    replace: 'page < totalPages',
    suites: clientTests,
    test: 'is walked by them, to the one that is null',
  },
];
