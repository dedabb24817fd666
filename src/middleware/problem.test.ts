import { describe, expect, test } from 'bun:test';
import { DrizzleQueryError } from 'drizzle-orm/errors';
import { Hono } from 'hono';
import { type Logger, pino } from 'pino';
import { type ErrorCode, type ErrorDetails, ShopError } from '../errors.ts';
import type { AppEnv } from './env.ts';
import { handleError } from './problem.ts';

/** What an app answers to an error, and what it logs. */
async function answerTo(error: unknown) {
  const lines: string[] = [];
  const log: Logger = pino({ level: 'trace' }, { write: (line) => lines.push(line) });
  const app = new Hono<AppEnv>()
    .use(async (c, next) => {
      c.set('requestId', 'request-1');
      c.set('log', log);
      await next();
    })
    .get('/', () => {
      throw error;
    })
    .onError(handleError);
  const response = await app.request('/');
  return { status: response.status, headers: response.headers, body: await response.json(), log: lines.join('') };
}

describe('handleError', () => {
  describe('when the shop refuses', () => {
    test('answers a problem document that says what is wrong', async () => {
      const details = { errors: [{ path: 'name', message: 'is missing' }] };
      const { status, headers, body, log } = await answerTo(new ShopError('validation_failed', 'No name.', details));
      expect(status).toBe(422);
      expect(headers.get('Content-Type')).toBe('application/problem+json');
      expect(body).toEqual({
        type: '/docs#validation_failed',
        title: 'Invalid request',
        status: 422,
        detail: 'No name.',
        code: 'validation_failed',
        requestId: 'request-1',
        errors: details.errors,
      });
      expect(log).toBeEmpty();
    });

    test('says a moment in RFC 3339', async () => {
      const deletableAt = new Date('2026-11-22T12:00:00.5Z');
      const { body } = await answerTo(new ShopError('order_too_recent', 'Wait.', { deletableAt }));
      expect(body).toMatchObject({ deletableAt: '2026-11-22T12:00:00.500Z' });
    });
  });

  describe('when the refusal says how and when to go on', () => {
    const plainMembers = ['type', 'title', 'status', 'detail', 'code', 'requestId'];

    test.each<[ErrorCode, ErrorDetails, Record<string, string>]>([
      ['unavailable', { retryAfterSeconds: 7 }, { 'retry-after': '7' }],
      [
        'rate_limited',
        { rateLimit: { limit: 10, remaining: 0, resetSeconds: 7 } },
        { 'ratelimit-limit': '10', 'ratelimit-remaining': '0', 'ratelimit-reset': '7' },
      ],
      ['method_not_allowed', { allowedMethods: ['GET', 'PUT'] }, { allow: 'GET, PUT' }],
    ])('says so in headers alone: %s, %j', async (code, details, expected) => {
      const { headers, body } = await answerTo(new ShopError(code, 'Not now.', details));
      expect(headers.toJSON()).toEqual({ 'content-type': 'application/problem+json', ...expected });
      expect(Object.keys(Object(body))).toEqual(plainMembers);
    });
  });

  describe('when nobody is signed in', () => {
    test('says how to', async () => {
      const { headers } = await answerTo(new ShopError('unauthenticated', 'Sign in.'));
      expect(headers.get('WWW-Authenticate')).toBe('Bearer');
    });
  });

  describe('when something is out of reach', () => {
    test('logs the cause, and does not tell it', async () => {
      const cause = new Error('connect ECONNREFUSED 10.0.0.5:5432');
      const { status, body, log } = await answerTo(new ShopError('unavailable', 'Not now.', {}, { cause }));
      expect(status).toBe(503);
      expect(JSON.stringify(body)).not.toContain('10.0.0.5');
      expect(log).toContain('10.0.0.5');
    });
  });

  describe('when something breaks that nobody expected', () => {
    test('answers a constant, and logs the cause under the request id', async () => {
      const { status, body, log } = await answerTo(new TypeError('undefined is not a function'));
      expect(status).toBe(500);
      expect(body).toMatchObject({ code: 'internal_error', detail: 'Something went wrong on our side.' });
      expect(JSON.parse(log)).toMatchObject({ level: 50, requestId: 'request-1' });
      expect(log).toContain('undefined is not a function');
    });

    test('tells and logs neither SQL nor parameters of a failed query', async () => {
      const cause = new Error('column "colour" does not exist');
      const failed = new DrizzleQueryError('select "colour" from "customers"', ['ada@example.com'], cause);
      const { status, body, log } = await answerTo(failed);
      expect(status).toBe(500);
      expect(JSON.stringify(body)).not.toMatch(/select|colour|ada@/);
      expect(log).toContain('does not exist');
      expect(log).not.toMatch(/select|ada@/);
    });
  });
});
