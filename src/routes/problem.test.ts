import { describe, expect, test } from 'bun:test';
import { DrizzleQueryError } from 'drizzle-orm/errors';
import { Hono } from 'hono';
import { type Logger, pino } from 'pino';
import { ShopError } from '../errors.ts';
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
    test('answers a problem document with the members and headers of the refusal', async () => {
      const details = { errors: [{ path: 'name', message: 'is missing' }], headers: { 'Retry-After': '1' } };
      const { status, headers, body, log } = await answerTo(new ShopError('validation_failed', 'No name.', details));
      expect(status).toBe(422);
      expect(headers.get('Content-Type')).toBe('application/problem+json');
      expect(headers.get('Retry-After')).toBe('1');
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
