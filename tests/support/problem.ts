import { expect } from 'bun:test';
import type { Answer } from './client.ts';

/** Expects a problem document (RFC 9457) with this status and code, and with `members` beside. */
export function expectProblem(
  { status: actual, headers, body }: Answer<unknown>,
  status: number,
  code: string,
  members: Record<string, unknown> = {},
): void {
  expect({ status: actual, body }).toMatchObject({ status, body: { status, code, ...members } });
  expect(headers.get('Content-Type')).toBe('application/problem+json');
  expect(body).toMatchObject({ requestId: headers.get('X-Request-Id'), title: expect.any(String) });
}
