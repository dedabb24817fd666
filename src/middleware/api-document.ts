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

/** The tags by who is let at their operations, so that tools can leave out what a caller would be refused. */
const tagGroups = {
  'For customers': {
    Accounts: 'Registering, signing in, passwords, second factors',
    Sessions: 'Where an account is signed in',
    Products: 'What there is to buy',
    Customers: 'An account, for its owner and for admins',
    Orders: 'From placing to restoring',
  },
  'For admins': {
    Catalogue: 'Making, changing and removing products, alone, in bulk and as a file',
    Stock: 'What came in and went out, orders aside',
    'Order handling': 'What staff do with orders',
    'Customer care': 'Finding accounts, and opening deleted ones again',
    Mails: 'What the shop owes and has sent by mail',
    Webhooks: 'What other systems are told',
    Reports: 'What was sold, and what is left',
    'Audit events': 'Who did what',
    Keys: 'For programs',
  },
  'For operators': {
    Operation: 'Whether the shop is well',
  },
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
    tags: Object.values(tagGroups).flatMap((tags) =>
      Object.entries(tags).map(([name, description]) => ({ name, description })),
    ),
    'x-tagGroups': Object.entries(tagGroups).map(([name, tags]) => ({ name, tags: Object.keys(tags) })),
  };
  return withNamedRefusals(
    version === '3.1.0'
      ? api.getOpenAPI31Document({ openapi: version, ...about })
      : reduced(api.getOpenAPIDocument({ openapi: version, ...about })),
  );
}

/** A document without what 3.0 does not know: webhooks, scopes of other schemes than OAuth's, null as a choice. */
function reduced({ webhooks: _webhooks, ...document }: Document): Document {
  return JSON.parse(JSON.stringify(document), (key, value) => {
    if (key === 'security')
      return value.map((ways: object) => Object.fromEntries(Object.keys(ways).map((way) => [way, []])));
    if (key !== 'anyOf' || !value.some(isNull)) return value;
    const [first, ...others] = value.filter((choice: object) => !isNull(choice));
    return [{ ...first, nullable: true }, ...others];
  });
}

const isNull = (schema: { type?: string; nullable?: boolean }) => schema.nullable === true && !schema.type;

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
