// The shop's OpenAPI document without a shop: for what is made of it or judges it, offline.
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { createApp } from '../src/app.ts';
import type { ApiServices } from '../src/services.ts';
import { readSettings } from '../src/settings.ts';

/** The document of a shop with default settings, as it answers it. */
export async function readApiDocument<Document>(
  path: '/openapi.json' | '/openapi-3.0.json' = '/openapi.json',
): Promise<Document> {
  // Routes are declared with no more than this; the rest is for those who call them.
  const services = { settings: readSettings({}), log: pino({ enabled: false }), metrics: new Registry() };
  const response = await createApp(services as ApiServices).request(`http://127.0.0.1:3000${path}`);
  if (!response.ok) throw new Error(`${path} answers ${response.status}: ${await response.text()}`);
  return (await response.json()) as Document;
}
