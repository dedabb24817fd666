import { randomUUID } from 'node:crypto';
import type { CustomerBody } from '../../src/schema/customers.ts';
import type { OrderBody, OrderLine } from '../../src/schema/orders.ts';
import type { ProductBody, ProductInput } from '../../src/schema/products.ts';
import { pause } from './wait.ts';

/** The account that every shop of the suites begins with. */
export const admin = { email: 'admin@example.com', password: 'correct horse battery' };

export type Answer<Body> = {
  status: number;
  headers: Headers;
  /** Parsed when it is JSON, text otherwise, null when there is none. */
  body: Body;
};

export type RequestOptions = {
  token?: string;
  /** Sent as JSON; a string is sent as it stands, still as `application/json`. */
  body?: unknown;
  headers?: Record<string, string>;
};

/** Sends one request and reads the whole answer. Redirects are answers too. */
export async function request<Body = Record<string, unknown>>(
  url: string,
  method: string,
  path: string,
  { token, body, headers }: RequestOptions = {},
): Promise<Answer<Body>> {
  const response = await fetch(url + path, {
    method,
    // Each request by itself, where a balancer stands before several processes.
    keepalive: !process.env.TEST_PROCESSES,
    redirect: 'manual',
    headers: {
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /^application\/(.+\+)?json/.test(response.headers.get('Content-Type') ?? '');
  const parsed = text === '' ? null : isJson ? JSON.parse(text) : text;
  return { status: response.status, headers: response.headers, body: parsed };
}

/** The body of an answer that a test takes for granted. */
async function bodyOf<Body>(answer: Promise<Answer<Body>>, status: number): Promise<Body> {
  const { status: actual, body } = await answer;
  if (actual !== status) throw new Error(`Expected status ${status}, got ${actual}: ${JSON.stringify(body)}`);
  return body;
}

const triesMax = 5;

/**
 * Asks for what a suite needs but does not judge, again while the answer is 503: a shop that is starved by others on the
 * machine says so, and to try again after a second.
 */
export async function untilServed<Body>(ask: () => Promise<Answer<Body>>): Promise<Answer<Body>> {
  let answer = await ask();
  for (let tries = 1; tries < triesMax && answer.status === 503; tries += 1) {
    await pause(1_000);
    answer = await ask();
  }
  return answer;
}

/** Answers a bearer token. */
export async function signIn(url: string, credentials: { email: string; password: string }): Promise<string> {
  const { email, password } = credentials;
  const ask = () => request<{ token: string }>(url, 'POST', '/api/auth/login', { body: { email, password } });
  return (await bodyOf(untilServed(ask), 200)).token;
}

/** What a signed token says, unchecked. */
export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}

export function signInAdmin(url: string): Promise<string> {
  return signIn(url, admin);
}

/** An address that nobody else uses. */
export const freshEmail = () => `${randomUUID()}@example.com`;

export type Account = CustomerBody & { password: string; token: string };

/** A customer nobody else uses, signed in. */
export async function registerCustomer(
  url: string,
  given: Partial<{ name: string; email: string; password: string; phone: string }> = {},
): Promise<Account> {
  const registration = {
    name: 'Ada Lovelace',
    email: freshEmail(),
    password: 'open sesame',
    ...given,
  };
  const ask = () => request<CustomerBody>(url, 'POST', '/api/auth/register', { body: registration });
  const customer = await bodyOf(untilServed(ask), 201);
  return { ...customer, password: registration.password, token: await signIn(url, registration) };
}

export function createProduct(
  url: string,
  adminToken: string,
  given: Partial<ProductInput> = {},
): Promise<ProductBody> {
  const body = { name: 'Enamel mug', priceCents: 1_299, stock: 10, ...given };
  const ask = () => request<ProductBody>(url, 'POST', '/api/products', { token: adminToken, body });
  return bodyOf(untilServed(ask), 201);
}

export function placeOrder(
  url: string,
  token: string,
  items: OrderLine[],
  headers: Record<string, string> = {},
): Promise<OrderBody> {
  return bodyOf(request<OrderBody>(url, 'POST', '/api/orders', { token, body: { items }, headers }), 201);
}
