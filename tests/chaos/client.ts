import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type RequestOptions, request } from '../support/client.ts';
import type { Fleet, Member } from './fleet.ts';
import type { FaultRecord, Journal } from './journal.ts';
import type { Limits } from './limits.ts';
import type { Random } from './random.ts';

const patienceMs = 15_000;

export type Call = RequestOptions & {
  method: string;
  path: string;
  /** The statuses that are right for it when all is well; 503 is judged by what is down. */
  expected: readonly number[];
  /** Another than the load balancer would choose. */
  api?: Member;
};

/** Sends a request to the shop and judges the answer by its status; null when none came. */
export type Client = <Body>(call: Call) => Promise<Answer<Body> | null>;

type Needs = { fleet: Fleet; journal: Journal; limits: Limits; random: Random };

/** Sends requests as a load balancer does, to any API that serves. */
export function createClient({ fleet, journal, limits, random }: Needs): Client {
  function mayRefuse({ startedAt, refuses }: FaultRecord, call: string, sentAt: number): boolean {
    const { requests = /./, within } = refuses;
    return requests.test(call) && (within === undefined || sentAt - startedAt <= limits[within]);
  }

  return async <Body>({ method, path, expected, api = fleet.anyApi(random), ...options }: Call) => {
    const sentAt = Date.now();
    const what = `${method} ${path.split('?')[0]} at ${api.name}`;
    const answer = await Promise.race([
      request<Body>(api.url, method, path, options).catch((error: Error) => error),
      sleep(patienceMs, new Error(`nothing for ${patienceMs} ms`), { ref: false }),
    ]);
    const now = Date.now();
    const tookMs = now - sentAt;
    journal.took('answer', tookMs);
    if (answer instanceof Error) {
      journal.count('no answer');
      if (api.endingSince === null) {
        journal.breach('Only a process that ends leaves a request unanswered', `${what}: ${answer.message}`);
      }
      return null;
    }
    journal.count(String(answer.status));
    if (answer.status === 503) {
      if (tookMs > limits.unavailableMs) journal.breach('503 is told within 5 s', `${what}: ${tookMs} ms`);
      const excused = api.endingSince !== null || tookMs >= limits.starvedMs;
      const reasons = journal
        .affecting('postgres', sentAt, now)
        .filter((fault) => mayRefuse(fault, `${method} ${path}`, sentAt));
      if (reasons.length === 0 && !excused) {
        const body = JSON.stringify(answer.body);
        journal.breach('503 only for what a fault of Postgres may refuse, or while the API drains', `${what}: ${body}`);
      }
    } else if (!expected.includes(answer.status)) {
      journal.breach('Answers have the right status', `${what}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer;
  };
}
