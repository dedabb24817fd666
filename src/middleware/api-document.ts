import type { OpenAPIHono } from '@hono/zod-openapi';
import { domainOf, type Mailbox } from '../lib/mailbox.ts';
import { version as productVersion } from '../lib/version.ts';
import type { AppEnv } from './env.ts';
import { answers } from './problem.ts';

const introduction = `
Errors are problem documents (RFC 9457). Programs should look at \`code\`; \`type\` leads to its line here:

| code | status | meaning |
| --- | --- | --- |
${Object.entries(answers)
  .map(([code, { status, title }]) => `| <a id="${code}"></a>\`${code}\` | ${status} | ${title} |`)
  .join('\n')}

Money is in minor units (\`priceCents\`), times are RFC 3339 in UTC, ids are UUIDv7.

A query parameter that is empty, or a flag that is \`false\`, is as if it were not sent. E-mail addresses are ASCII.
`;

const tags = {
  Accounts: 'Registering, signing in, passwords, second factors',
  Sessions: 'Where an account is signed in',
  Keys: 'For programs',
  Products: 'The catalogue',
  Stock: 'What came in and went out, orders aside',
  Customers: 'Accounts, for their owners and for staff',
  Orders: 'From placing to restoring',
  Mails: 'What the shop owes and has sent by mail',
  Webhooks: 'What other systems are told',
  'Audit events': 'Who did what',
  Operation: 'For those who run the shop',
};

/** Who answers for the shop, and where it is. */
type Place = { origin: string; contact: Mailbox };

/** Of a shop on one machine, such as `shop@localhost`, no address: tools refuse those without a dot. */
function contactOf(contact: Mailbox): { name: string; email?: string } {
  return { name: contact.name, ...(domainOf(contact).includes('.') && { email: contact.address }) };
}

/**
 * The OpenAPI document of an API. 3.0 is for tools that know no 3.1; it has no webhooks.
 */
export function describeApi(api: OpenAPIHono<AppEnv>, version: '3.1.0' | '3.0.3', { origin, contact }: Place): object {
  const about = {
    info: {
      title: 'Shop API',
      version: productVersion,
      description: introduction,
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
      contact: contactOf(contact),
    },
    servers: [{ url: origin, description: 'This shop' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
  };
  const document: Document =
    version === '3.1.0'
      ? api.getOpenAPI31Document({ openapi: version, ...about })
      : api.getOpenAPIDocument({ openapi: version, ...about });
  if (version === '3.0.3') delete document.webhooks;
  return withNamedRefusals(document);
}

type Refusal = { content?: Record<string, { examples?: Record<string, unknown> }> };
type Operations = Record<string, { responses?: Record<string, unknown> }>;
type Document = { paths?: Record<string, object>; webhooks?: unknown; components?: object };

const isRefusal = (response: unknown): response is Refusal =>
  response instanceof Object &&
  'content' in response &&
  Object.hasOwn(Object(response.content), 'application/problem+json');

const capitalized = (code: string) =>
  code.replaceAll(/(?:^|_)([a-z])/g, (_match, letter: string) => letter.toUpperCase());

/** Says once what many operations refuse alike, under a name made of the codes. */
function withNamedRefusals(document: Document): Document {
  const responses: Record<string, unknown> = {};
  for (const operations of Object.values(document.paths ?? {}) as Operations[]) {
    for (const { responses: declared = {} } of Object.values(operations)) {
      for (const [status, response] of Object.entries(declared)) {
        if (!isRefusal(response)) continue;
        const codes = Object.keys(response.content?.['application/problem+json']?.examples ?? {});
        const name = codes.map(capitalized).join('Or');
        responses[name] = response;
        declared[status] = { $ref: `#/components/responses/${name}` };
      }
    }
  }
  return { ...document, components: { ...document.components, responses } };
}
