// Writes the types of the client package from the shop's OpenAPI document: `npm run client:types`. With `--check` it only
// tells whether they are up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answers } from '../src/middleware/problem.ts';
import { readApiDocument } from './api-document.ts';

/** What the document uses of JSON Schema. */
type Schema = {
  $ref?: string;
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
};

type Parameter = { name: string; in: string; required?: boolean; description?: string; schema: Schema };
type Content = Record<string, { schema?: Schema; examples?: Record<string, unknown> }>;
type Response = { $ref?: string; content?: Content };
type Operation = {
  summary: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Content };
  responses: Record<string, Response>;
};
type ApiDocument = {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; responses: Record<string, Response> };
};

const root = join(import.meta.dir, '..');
const output = join(root, 'clients/typescript/src/api.ts');
/** A longer list, such as that of countries, is for the shop to check: programs have its values from elsewhere, as strings. */
const valuesMax = 50;
const problemType = 'application/problem+json';
/** These two are written by hand, because the document cannot say which code comes with which members. */
const writtenByHand = ['Problem', 'ErrorCode'];

const document = await readApiDocument<ApiDocument>();
const { schemas, responses } = document.components;
/** The lists of values that have a name, so that they are called by it where the document repeats them. */
const namedEnums = new Map(
  Object.entries(schemas).flatMap(([name, schema]) => (schema.enum ? [[JSON.stringify(schema.enum), name]] : [])),
);

/** Objects that the document lets be null wherever they stand; the types say so there, and the name is that of the thing. */
const nullables = new Set(Object.keys(schemas).filter((name) => String(schemas[name]?.type) === 'object,null'));

const nameOf = (reference: string) => reference.slice(reference.lastIndexOf('/') + 1);
const literal = (value: unknown) => JSON.stringify(value);
const key = (name: string) => (/^[\w$]+$/.test(name) ? name : literal(name));
const union = (members: string[]) => [...new Set(members)].join(' | ');

function comment(...texts: (string | undefined)[]): string {
  const text = texts.filter(Boolean).join('\n');
  if (text === '') return '';
  return text.includes('\n') ? `/**\n${text.replaceAll(/^/gm, ' * ')}\n */\n` : `/** ${text} */\n`;
}

/** The formatter keeps the line break where there is one. */
function object(members: string[]): string {
  if (members.length === 0) return '{}';
  const separator = members.some((member) => member.includes('\n')) ? '\n' : ' ';
  return `{${separator}${members.join(separator)}${separator}}`;
}

function printObject({ properties = {}, required = [], additionalProperties }: Schema): string {
  const members = Object.entries(properties).map(([name, schema]) => {
    const isRequired = required.includes(name);
    const type = isRequired ? print(schema) : union([print(schema), 'undefined']);
    return `${comment(schema.description)}${key(name)}${isRequired ? '' : '?'}: ${type};`;
  });
  if (members.length > 0 || !(additionalProperties instanceof Object)) return object(members);
  return `Record<string, ${print(additionalProperties)}>`;
}

const printers: Record<string, (schema: Schema) => string> = {
  string: () => 'string',
  integer: () => 'number',
  number: () => 'number',
  boolean: () => 'boolean',
  null: () => 'null',
  array: ({ items = {} }) => `Array<${print(items)}>`,
  object: printObject,
};

/** A schema as a type. @throws where it says something that is not understood here */
function print(schema: Schema): string {
  if (schema.$ref) {
    const name = nameOf(schema.$ref);
    return nullables.has(name) ? `${name} | null` : name;
  }
  if (schema.enum && schema.enum.length <= valuesMax) {
    return namedEnums.get(JSON.stringify(schema.enum)) ?? union(schema.enum.map(literal));
  }
  if (schema.anyOf) return union(schema.anyOf.map(print));
  if (schema.type === undefined && Object.keys(schema).length === 0) return 'unknown';
  const types = [schema.type ?? []].flat();
  const printed = types.map((type) => printers[type]?.(schema));
  if (printed.length === 0 || printed.includes(undefined)) {
    throw new Error(`No type is known for the schema ${JSON.stringify(schema)}.`);
  }
  return union(printed.filter((type) => type !== undefined));
}

/** A parameter of a query, as programs have it: a number or a flag need not be made a string first. */
function printQueryValue(schema: Schema): string {
  if (schema.type === 'integer') return 'number | string';
  return `${schema.enum?.join() === 'true,false' ? 'boolean | ' : ''}${print(schema)}`;
}

function printParameter({ name, in: place, required, description, schema }: Parameter): string {
  const type = place === 'query' ? printQueryValue(schema) : print(schema);
  // Older versions of Hono would send a header that is undefined, as that word.
  const orUndefined = place === 'query' && !required ? ' | undefined' : '';
  return `${comment(description)}${key(name)}${required ? '' : '?'}: ${type}${orUndefined};`;
}

/** What `hc` calls the places where parameters stand. */
const inputParts = { query: 'query', header: 'header', path: 'param' };

function printInput({ parameters = [], requestBody }: Operation): string {
  const parts = Object.entries(inputParts).flatMap(([place, part]) => {
    const found = parameters.filter((parameter) => parameter.in === place);
    const isRequired = found.some(({ required }) => required);
    return found.length === 0 ? [] : [`${part}${isRequired ? '' : '?'}: ${object(found.map(printParameter))};`];
  });
  const body = requestBody?.content['application/json']?.schema;
  if (body) parts.push(`json${requestBody?.required ? '' : '?'}: ${print(body)};`);
  return object(parts);
}

/** What an answer holds: undefined for nothing, and text where it is no JSON. */
function printAnswer({ content = {} }: Response): string {
  const schema = content['application/json']?.schema;
  if (schema) return print(schema);
  return Object.keys(content).length === 0 ? 'undefined' : 'string';
}

function printOperation(operation: Operation): string {
  const given: string[] = [];
  const codes: string[] = [];
  for (const [status, declared] of Object.entries(operation.responses)) {
    const response = declared.$ref ? responses[nameOf(declared.$ref)] : declared;
    const refusals = Object.keys(response?.content?.[problemType]?.examples ?? {});
    codes.push(...refusals.map(literal));
    if (response && refusals.length === 0) given.push(`${status}: ${printAnswer(response)};`);
  }
  return `Endpoint<${printInput(operation)}, ${object(given)}, ${union(codes) || 'never'}>`;
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);

const routes = Object.entries(document.paths)
  .sort(byName)
  .map(([path, operations]) => {
    const methods = Object.entries(operations).map(
      ([method, operation]) =>
        `${comment(`${operation.summary}.`, operation.description)}$${method}: ${printOperation(operation)};`,
    );
    return `${literal(path.replaceAll(/\{(\w+)\}/g, ':$1'))}: ${object(methods)};`;
  });

/** Where a repeat is recognised by an `Idempotency-Key`. */
const keyedPaths = Object.entries(document.paths).flatMap(([path, { post }]) =>
  post?.parameters?.some(({ name }) => name === 'Idempotency-Key') ? [path] : [],
);

const declarations = Object.entries(schemas)
  .filter(([name]) => !writtenByHand.includes(name))
  .sort(byName)
  .map(([name, schema]) => {
    const type = schema.enum
      ? union(schema.enum.map(literal))
      : nullables.has(name)
        ? printObject(schema)
        : print(schema);
    return `${comment(schema.description)}export type ${name} = ${type};\n`;
  });

const statuses = Object.entries(answers).map(([code, { status }]) => `${code}: ${status};`);

const source = `// Made from the shop's OpenAPI document by \`npm run client:types\`: not to be edited.
// biome-ignore-all lint/complexity/noBannedTypes: Hono says {} for what has no members.
import type { Hono } from 'hono';
import type { Endpoint, ErrorCode } from './endpoint.ts';

${declarations.join('\n')}
/** Every code that a problem can have, and its status. */
export type StatusByCode = ${object(statuses)};

/** Every route: what goes in, what comes out by status, and the codes of its problems. */
export type Routes = ${object(routes)};

/** What \`hc\` of \`hono/client\` takes. */
export type Api = Hono<{}, Routes, '/'>;

/** Where POST takes an \`Idempotency-Key\`, so that a repeat is answered and not done again. */
export const keyedPaths: readonly string[] = ${JSON.stringify(keyedPaths)};
`;

/** As \`npm run verify\` wants it. */
function format(text: string): string {
  const biome = Bun.spawnSync([join(root, 'node_modules/.bin/biome'), 'format', `--stdin-file-path=${output}`], {
    cwd: root,
    stdin: new TextEncoder().encode(text),
  });
  if (biome.exitCode !== 0) throw new Error(biome.stderr.toString());
  return biome.stdout.toString();
}

const formatted = format(source);
if (!process.argv.includes('--check')) {
  writeFileSync(output, formatted);
} else if (readFileSync(output, 'utf8') === formatted) {
  console.log("The client package has the document's types.");
} else {
  console.error('clients/typescript/src/api.ts is not what the document says: run `npm run client:types`.');
  process.exit(1);
}
