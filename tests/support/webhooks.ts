import { expect } from 'bun:test';
import { Webhook } from 'standardwebhooks';
import type { DeliveryBody, EventFilter, WebhookBody } from '../../src/schema/webhooks.ts';
import { type Answer, type RequestOptions, request } from './client.ts';
import type { ReceivedEvent } from './receiver.ts';

export type WebhookWithSecret = WebhookBody & { secret: string };
export type ListOf<Item> = { data: Item[]; pagination: { totalItems: number; nextCursor: string | null } };

/** What a webhook is sent, read as its receiver reads it. */
export type Message = { type: string; timestamp: string; data: Record<string, unknown> };

/** What admins do with webhooks. */
export function createWebhookClient(callers: () => { url: string; adminToken: string }) {
  const ask = <Body>(method: string, path: string, options?: RequestOptions): Promise<Answer<Body>> =>
    request(callers().url, method, path, { token: callers().adminToken, ...options });
  const expectBody = async <Body>(answer: Promise<Answer<Body>>, status: number): Promise<Body> => {
    const { status: actual, body } = await answer;
    expect({ status: actual, body }).toMatchObject({ status });
    return body;
  };
  return {
    ask,
    add: (url: string, events: EventFilter[] = ['*'], description: string | null = null) =>
      expectBody(ask<WebhookWithSecret>('POST', '/api/webhooks', { body: { url, events, description } }), 201),
    read: (id: string) => expectBody(ask<WebhookBody>('GET', `/api/webhooks/${id}`), 200),
    replace: (id: string, url: string, events: EventFilter[] = ['*']) =>
      expectBody(ask<WebhookBody>('PUT', `/api/webhooks/${id}`, { body: { url, events } }), 200),
    remove: async (id: string) => {
      expect((await ask('DELETE', `/api/webhooks/${id}`)).status).toBe(204);
    },
    test: (id: string) => expectBody(ask<DeliveryBody>('POST', `/api/webhooks/${id}/test`), 202),
    renew: (id: string) => expectBody(ask<WebhookWithSecret>('POST', `/api/webhooks/${id}/secret`), 200),
    deliveries: async (webhookId: string, more = '') =>
      (
        await expectBody(
          ask<ListOf<DeliveryBody>>('GET', `/api/webhook-deliveries?webhookId=${webhookId}&limit=100${more}`),
          200,
        )
      ).data,
  };
}

/** Checks the signature of what was received with the official library, and reads it. */
export function verify({ body, headers }: ReceivedEvent, secret: string): Message {
  return new Webhook(secret).verify(body, headers) as Message;
}
