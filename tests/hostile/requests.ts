import fc, { type Arbitrary } from 'fast-check';
import { hostileTexts, notJson, strangeNames, strangeNumbers, strangeStrings, strangeValues } from './values.ts';

/** As much of JSON Schema as the shop's document uses. */
type Schema = {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  items?: Schema;
  minItems?: number;
  uniqueItems?: boolean;
  maxItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  /** One of which it is. */
  anyOf?: Schema[];
  oneOf?: Schema[];
};

type Parameter = { name: string; in: string; required?: boolean; schema: Schema };

/** An operation of the document, with its schemas resolved. */
export type Operation = { method: string; path: string; parameters: Parameter[]; body: Schema | undefined };

/** Ids that exist, by what they belong to: `products`, `customers`, `orders`, `mails`. */
export type KnownIds = Record<string, string[]>;

export type Caller = 'nobody' | 'a stranger' | 'a customer' | 'an admin';

/** A request as it goes out, all but the caller's token. */
export type MadeRequest = {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
  caller: Caller;
};

type Document = {
  paths: Record<
    string,
    Record<
      string,
      { parameters?: Parameter[]; requestBody?: { content: { 'application/json': { schema: Schema } } } } | undefined
    >
  >;
  components: { schemas: Record<string, unknown> };
};

/** The operations of a document, each with its parameters and the schema of its body. */
export function readOperations(document: unknown): Operation[] {
  const { paths, components } = document as Document;
  const schemas = components.schemas as Record<string, Schema>;
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      parameters: operation?.parameters ?? [],
      body: resolve(operation?.requestBody?.content['application/json'].schema, schemas),
    })),
  );
}

/** Puts the components in the place of the references to them; schemas of requests have no circles. */
function resolve(schema: Schema | undefined, schemas: Record<string, Schema>): Schema | undefined {
  return (
    schema &&
    JSON.parse(JSON.stringify(schema), (_key, value) =>
      value?.$ref ? resolve(schemas[value.$ref.replace('#/components/schemas/', '')], schemas) : value,
    )
  );
}

const choicesOf = ({ anyOf, oneOf }: Schema) => anyOf ?? oneOf;

/** Values that a schema accepts. `name` and `ids` let ids be found that mean something. */
export function validValue(schema: Schema, name: string, ids: KnownIds): Arbitrary<unknown> {
  const choices = choicesOf(schema);
  if (choices) return fc.oneof(...choices.map((choice) => validValue(choice, name, ids)));
  if (schema.type === 'null') return fc.constant(null);
  const [type, nullable] = Array.isArray(schema.type) ? schema.type : [schema.type];
  if (nullable === 'null') {
    return fc.oneof(fc.constant(null), validValue({ ...schema, type }, name, ids));
  }
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (type === 'integer') {
    const { minimum: min = 0, maximum: max = 1_000 } = schema;
    return fc.oneof(fc.integer({ min, max }), fc.integer({ min, max: Math.min(min + 3, max) }), fc.constant(max));
  }
  if (type === 'array') {
    const { items = {}, minItems = 0, maxItems = 100 } = schema;
    const some = schema.uniqueItems ? fc.uniqueArray : fc.array;
    return some(validValue(items, name, ids), { minLength: minItems, maxLength: Math.min(maxItems, minItems + 3) });
  }
  if (type === 'object') {
    const { properties = {}, required = [] } = schema;
    const members = Object.entries(properties).map(([key, member]) => [key, validValue(member, key, ids)] as const);
    return fc.record(Object.fromEntries(members), { requiredKeys: required, noNullPrototype: true });
  }
  if (type === 'string') return validText(schema, name, ids);
  if (type === 'boolean') return fc.boolean();
  throw new Error(`The fuzzer does not know what to make of ${JSON.stringify(schema)}.`);
}

function validText({ format, pattern, minLength = 0, maxLength = 40 }: Schema, name: string, ids: KnownIds) {
  if (format === 'uuid') {
    const known = ids[`${name.replace(/Id$/, '')}s`] ?? [];
    return known.length > 0
      ? fc.oneof({ arbitrary: fc.constantFrom(...known), weight: 9 }, { arbitrary: fc.uuid(), weight: 1 })
      : fc.uuid();
  }
  if (format === 'uri') return fc.constantFrom('https://example.com/hook', 'https://hooks.example.com:8443/?a=b');
  if (format === 'uri-reference') return fc.constantFrom('/media/kitchen-1.svg', 'https://example.com/a%20b.png');
  if (format === 'email') return fc.uuid().map((text) => `${text}@example.com`);
  if (format === 'date-time') {
    const [min, max] = [new Date('2099-01-01'), new Date('2199-01-01')];
    return fc.date({ min, max, noInvalidDate: true }).map((date) => date.toISOString());
  }
  if (pattern) return fc.stringMatching(new RegExp(pattern));
  const max = Math.min(maxLength, minLength + 30);
  return fc.oneof(
    fc.string({ unit: 'grapheme-ascii', minLength, maxLength: max }),
    fc.string({ unit: 'grapheme', minLength, maxLength: max }),
  );
}

type Place = (string | number)[];

/** Where a value stands within another, the whole included. */
function placesOf(value: unknown, at: Place = []): Place[] {
  const members = value !== null && typeof value === 'object' ? Object.entries(value) : [];
  return [at, ...members.flatMap(([key, member]) => placesOf(member, [...at, key]))];
}

const hole = '\u0001hole\u0001';

/** The JSON text of a value with `json` in one place of it, be that JSON or not. */
function withPatch(value: unknown, place: Place, json: string): string {
  const patched = (part: unknown, [key, ...rest]: Place): unknown => {
    if (key === undefined) return hole;
    const copy = Array.isArray(part) ? [...part] : { ...(part as object) };
    const members = copy as Record<string | number, unknown>;
    members[key] = patched(members[key], rest);
    return copy;
  };
  return JSON.stringify(patched(value, place)).replace(JSON.stringify(hole), () => json);
}

/** Bodies that a schema accepts but for one value, which is every strange one of its kind in turn. */
export function strangeBodies(schema: Schema, ids: KnownIds): string[] {
  const [example] = fc.sample(validValue(schema, '', ids), 1);
  const variants = (whole: Schema, at: Place): string[] => {
    const part = choicesOf(whole)?.find(({ properties }) => properties) ?? whole;
    const type = Array.isArray(part.type) ? part.type[0] : part.type;
    const ofItsKind = type === 'string' ? strangeStrings : type === 'integer' ? strangeNumbers : [];
    const members = Object.entries(part.properties ?? {}).flatMap(([name, member]) => variants(member, [...at, name]));
    const items = part.items ? variants(part.items, [...at, 0]) : [];
    return [...[...ofItsKind, ...strangeValues].map((json) => withPatch(example, at, json)), ...members, ...items];
  };
  return variants(schema, []);
}

/** Queries with one declared parameter, which is every hostile text in turn. */
export function strangeQueries({ parameters }: Operation): string[] {
  const names = parameters.flatMap((parameter) => (parameter.in === 'query' ? [parameter.name] : []));
  return names.flatMap((name) => hostileTexts.map((text) => `?${name}=${encoded(text)}`));
}

const anyText = fc.oneof(
  fc.constantFrom(...hostileTexts),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.integer().map(String),
);
const anyJson = fc.oneof(
  fc.constantFrom(...strangeNumbers, ...strangeStrings, ...strangeValues, ...notJson),
  fc.json({ maxDepth: 3 }),
  fc.double().map(String),
  anyText.map((text) => JSON.stringify(text)),
);

/** Bodies around those that a schema accepts: good, with one value replaced, with one member too many, cut short. */
function bodyText(schema: Schema, ids: KnownIds): Arbitrary<string> {
  const valid = validValue(schema, '', ids);
  const declared = Object.keys(schema.properties ?? {});
  return fc.oneof(
    { arbitrary: valid.map((value) => JSON.stringify(value)), weight: 4 },
    {
      arbitrary: fc.tuple(valid, fc.nat(), anyJson).map(([value, nth, json]) => {
        const places = placesOf(value);
        return withPatch(value, places[nth % places.length] ?? [], json);
      }),
      weight: 6,
    },
    {
      arbitrary: fc
        .tuple(valid, fc.constantFrom(...strangeNames, ...declared), anyJson)
        .map(([value, name, json]) => JSON.stringify(value).replace('{', () => `{${JSON.stringify(name)}:${json},`)),
      weight: 2,
    },
    {
      arbitrary: fc.tuple(valid, fc.nat()).map(([value, length]) => {
        const text = JSON.stringify(value);
        return text.slice(0, length % (text.length + 1));
      }),
      weight: 1,
    },
    { arbitrary: anyJson, weight: 1 },
  );
}

/** Percent-encodes all that may not stand in a URL; a lone half of a surrogate pair becomes its three bytes. */
function encoded(text: string): string {
  const parts = Array.from(text, (character) =>
    character.isWellFormed() ? encodeURIComponent(character) : '%ED%A0%80',
  );
  return parts.join('');
}

const crookedQueries = ['&&', '=', '=1', 'page', 'page[]=1', 'page=1&page=2', 'q=%', 'q=%C0%80', 'limit=%31', '?', '+'];

function queryText(parameters: Parameter[], ids: KnownIds): Arbitrary<string> {
  const pairs = parameters
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, schema }) =>
      sometimes(
        fc
          .oneof({ arbitrary: validValue(schema, name, ids).map(String), weight: 2 }, { arbitrary: anyText, weight: 1 })
          .map((value) => `${encoded(name)}=${encoded(value)}`),
        4,
      ),
    );
  const stranger = fc.oneof(
    fc.constantFrom(...crookedQueries),
    fc.tuple(fc.constantFrom(...strangeNames), anyText).map(([name, value]) => `${encoded(name)}=${encoded(value)}`),
  );
  return fc
    .tuple(...pairs, sometimes(stranger, 8))
    .map((parts) => parts.filter((part) => part !== undefined).join('&'))
    .map((query) => (query === '' ? '' : `?${query}`));
}

/** A value one time in `oneIn`, otherwise nothing. */
function sometimes<Value>(arbitrary: Arbitrary<Value>, oneIn: number): Arbitrary<Value | undefined> {
  return fc.oneof({ arbitrary: fc.constant(undefined), weight: oneIn - 1 }, { arbitrary, weight: 1 });
}

function pathText({ path, parameters }: Operation, ids: KnownIds): Arbitrary<string> {
  if (!path.includes('{id}')) return fc.constant(path);
  const thing = path.split('/')[2]?.replace(/s$/, '') ?? '';
  const schema = parameters.find((parameter) => parameter.in === 'path')?.schema ?? {};
  return fc
    .oneof(
      { arbitrary: validValue(schema, `${thing}Id`, ids).map(String), weight: 6 },
      { arbitrary: fc.constantFrom(...(ids[`${thing}s`] ?? [])).map((id) => id.toUpperCase()), weight: 1 },
      { arbitrary: anyText, weight: 2 },
    )
    .map((id) => path.replace('{id}', () => encoded(id)));
}

const headerText = fc.oneof(anyText, fc.string({ unit: 'grapheme-ascii', maxLength: 300 }));

/** As much of a text as an HTTP client lets out; bare sockets send the rest. */
const sendable = (text: string) => text.replace(/[^\x20-\x7e\xa0-\xff]/g, '');

function headers({ parameters, body }: Operation, ids: KnownIds): Arbitrary<Record<string, string>> {
  const declared = parameters
    .filter((parameter) => parameter.in === 'header')
    .map(({ name, schema }) => [name, sometimes(fc.oneof(validValue(schema, name, ids).map(String), headerText), 2)]);
  const contentType = fc.oneof(
    fc.constantFrom('application/json; charset=utf-8', 'application/json; charset=utf-16', 'text/plain', ''),
    headerText,
  );
  const usual = {
    ...(body && { 'Content-Type': sometimes(contentType, 15) }),
    ...(body && { 'Content-Encoding': sometimes(fc.constantFrom('gzip', 'identity', 'br, gzip'), 30) }),
    'X-Request-Id': sometimes(headerText, 10),
    'X-Forwarded-For': fc.oneof(fc.ipV4(), fc.ipV4(), fc.ipV6(), headerText),
    'Accept-Encoding': sometimes(fc.oneof(fc.constantFrom('gzip', 'deflate', '*;q=0', 'identity'), headerText), 4),
    Accept: sometimes(headerText, 10),
    Origin: sometimes(headerText, 10),
    Cookie: sometimes(headerText, 10),
    'X-HTTP-Method-Override': sometimes(fc.constantFrom('DELETE', 'PUT'), 20),
  };
  return fc
    .record({ ...Object.fromEntries(declared), ...usual } as Record<string, Arbitrary<string | undefined>>)
    .map((record) =>
      Object.fromEntries(
        Object.entries(record).flatMap(([name, value]) => (value === undefined ? [] : [[name, sendable(value)]])),
      ),
    );
}

const caller: Arbitrary<Caller> = fc.oneof(
  { arbitrary: fc.constant('an admin'), weight: 5 },
  { arbitrary: fc.constant('a customer'), weight: 3 },
  { arbitrary: fc.constantFrom('nobody', 'a stranger'), weight: 1 },
);

/** Requests to an operation, from good ones to such as nobody would send. */
export function anyRequest(operation: Operation, ids: KnownIds): Arbitrary<MadeRequest> {
  return fc
    .record({
      caller,
      method: fc.oneof(
        { arbitrary: fc.constant(operation.method), weight: 40 },
        { arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'), weight: 1 },
      ),
      path: pathText(operation, ids),
      query: queryText(operation.parameters, ids),
      headers: headers(operation, ids),
      body: operation.body ? bodyText(operation.body, ids) : sometimes(anyJson, 10),
    })
    .map(({ path, query, method, body, ...rest }) => ({
      method,
      path: path + query,
      body: method === 'GET' ? undefined : body,
      ...rest,
    }));
}
