import { expect } from 'bun:test';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { type Answer, type RequestOptions, request } from './client.ts';
import { expectProblem } from './problem.ts';

type Declared = { content?: Record<string, unknown> };

type Operation = {
  operationId: string;
  tags: string[];
  security?: Record<string, string[]>[];
  responses: Record<string, Declared | { $ref: string }>;
};

export type ApiDocument = {
  openapi: string;
  info: { title: string; version: string; description: string };
  'x-tagGroups': { name: string; tags: string[] }[];
  paths: Record<string, Record<string, Operation>>;
  webhooks: Record<string, { post: { requestBody: { content: { 'application/json': { schema: object } } } } }>;
  components: { schemas: Record<string, unknown>; responses: Record<string, Declared> };
};

/** Sends a request as `request` does, and holds the answer against the shop's own document. */
export type Ask = <Body = Record<string, unknown>>(
  method: string,
  path: string,
  options?: RequestOptions,
) => Promise<Answer<Body>>;

/** The stable codes of problem documents, each with the one status that it goes with. */
export const statusOfCode: Record<string, number> = {
  malformed_json: 400,
  unauthenticated: 401,
  invalid_credentials: 401,
  code_required: 401,
  forbidden: 403,
  missing_scope: 403,
  totp_required: 403,
  not_found: 404,
  method_not_allowed: 405,
  email_taken: 409,
  email_already_verified: 409,
  last_admin: 409,
  totp_active: 409,
  totp_not_started: 409,
  totp_not_active: 409,
  product_not_deleted: 409,
  sku_taken: 409,
  stock_changed: 409,
  stock_too_high: 409,
  insufficient_stock: 409,
  order_not_cancellable: 409,
  order_too_recent: 409,
  order_delivered: 409,
  order_not_restorable: 409,
  order_not_changeable: 409,
  order_status_conflict: 409,
  order_on_hold: 409,
  order_not_on_hold: 409,
  customer_has_undelivered_orders: 409,
  customer_not_deleted: 409,
  customer_erased: 409,
  idempotency_in_progress: 409,
  mail_not_failed: 409,
  delivery_not_failed: 409,
  precondition_failed: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  validation_failed: 422,
  unknown_product: 422,
  idempotency_key_reused: 422,
  token_invalid: 422,
  batch_refused: 422,
  rate_limited: 429,
  unavailable: 503,
};

const formats = {
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  'date-time': /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/,
  date: /^\d{4}-\d{2}-\d{2}$/,
  email: /^[^\s@]+@[^\s@]+$/,
  password: true,
  'uri-reference': /^\S*$/,
  uri: /^[a-z][a-z\d+.-]*:\S+$/i,
} as const;

/** Reads `/openapi.json`. */
export async function readDocument(url: string): Promise<ApiDocument> {
  const response = await fetch(`${url}/openapi.json`);
  return (await response.json()) as ApiDocument;
}

/** The operations of a document, as `GET /api/products/{id}`. */
export function operationsOf(document: ApiDocument): string[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
}

/** A validator that knows the document's schemas under `api`, and finds fault with keywords and formats it does not know. */
export function documentValidator(document: ApiDocument): Ajv2020 {
  const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true, formats });
  ajv.addVocabulary(['example', ...Object.keys(document)]);
  return ajv.addSchema(document, 'api');
}

/** Makes requests whose answers are all checked; any that the document does not declare as it is fails the test. */
export async function checkedRequests(url: string): Promise<Ask> {
  const document = sealed(await readDocument(url));
  const validator = documentValidator(document);
  const templates = Object.keys(document.paths).map((path) => ({
    path,
    shape: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  }));

  function schemaFor(method: string, path: string, { status, headers }: Answer<unknown>): ValidateFunction | undefined {
    const [pathname = ''] = path.split('?');
    const verb = (method === 'HEAD' ? 'GET' : method).toLowerCase();
    const hasVerb = (path: string) => verb in (document.paths[path] ?? {});
    // A path that is spelt out goes before one with a parameter in its place, for the methods that it has.
    const template = hasVerb(pathname)
      ? pathname
      : (templates.find(({ path, shape }) => shape.test(pathname) && hasVerb(path))?.path ?? '');
    const operation = document.paths[template]?.[verb];
    const mediaType = headers.get('Content-Type')?.split(';')[0] ?? '';
    if (!operation && (status === 404 || status === 405)) return validator.getSchema('api#/components/schemas/Problem');
    const found = operation?.responses[status];
    if (!found) throw new Error('/openapi.json does not declare this status.');
    const name = '$ref' in found ? found.$ref.replace('#/components/responses/', '') : null;
    const declared: Declared | undefined = '$ref' in found ? document.components.responses[name ?? ''] : found;
    if (!declared) throw new Error('/openapi.json leads to an answer that it does not declare.');
    if (!declared.content || method === 'HEAD') return undefined;
    if (!(mediaType in declared.content)) throw new Error(`/openapi.json does not declare ${mediaType} here.`);
    const declaredAt =
      name === null ? ['paths', template, verb, 'responses', String(status)] : ['components', 'responses', name];
    const place = [...declaredAt, 'content', mediaType, 'schema'];
    return validator.getSchema(`api#/${place.map(pointerPart).join('/')}`);
  }

  function check(method: string, path: string, token: string | undefined, answer: Answer<unknown>): void {
    const { headers, body } = answer;
    const validate = schemaFor(method, path, answer);
    if (!validate && body !== null) throw new Error('A body came where none is declared.');
    // An empty text reads as none.
    const isEmptyText = body === null && !/\/(.+\+)?json\b/.test(headers.get('Content-Type') ?? '');
    if (validate && !validate(isEmptyText ? '' : body)) throw new Error(validator.errorsText(validate.errors));
    if (headers.get('Content-Type') === 'application/problem+json' && body !== null) checkProblem(answer);
    if (headers.get('X-Content-Type-Options') !== 'nosniff') throw new Error('The security headers are missing.');
    if (!headers.get('X-Request-Id')) throw new Error('X-Request-Id is missing.');
    if (token !== undefined && !/\b(private|no-store)\b/.test(headers.get('Cache-Control') ?? '')) {
      throw new Error('What a signed-in caller gets could be stored by others.');
    }
  }

  return async <Body>(method: string, path: string, options: RequestOptions = {}) => {
    const answer = await request<Body>(url, method, path, options);
    try {
      check(method, path, options.token, answer);
    } catch (error) {
      const { status, body } = answer;
      throw new Error(`${method} ${path} answered ${status} ${JSON.stringify(body)}`, { cause: error });
    }
    return answer;
  };
}

/** Expects that bad values are refused, and that the refusal names these places and no others. */
export function expectInvalid(answer: Answer<unknown>, ...paths: string[]): void {
  expectProblem(answer, 422, 'validation_failed');
  const { errors } = answer.body as { errors: { path: string; message: string }[] };
  expect([...new Set(errors.map(({ path }) => path))].sort()).toEqual(paths.toSorted());
  for (const { message } of errors) expect(message).not.toBeEmpty();
}

function checkProblem({ status, headers, body }: Answer<unknown>): void {
  const problem = body as { status: number; code: string; requestId: string };
  const faults = Object.entries({
    'the status differs from the one in the body': problem.status !== status,
    'the code does not go with this status': statusOfCode[problem.code] !== status,
    'the request id differs from the header': problem.requestId !== headers.get('X-Request-Id'),
    'WWW-Authenticate belongs to unauthenticated':
      (headers.get('WWW-Authenticate') === 'Bearer') !== (problem.code === 'unauthenticated'),
    'Retry-After belongs to 429 and 503': headers.has('Retry-After') !== (status === 429 || status === 503),
    'Allow belongs to 405': headers.has('Allow') !== (status === 405),
  }).flatMap(([fault, present]) => (present ? [fault] : []));
  if (faults.length > 0) throw new Error(faults.join('; '));
}

/** The document with every object closed, so that members it does not declare are found. */
function sealed(document: ApiDocument): ApiDocument {
  return JSON.parse(JSON.stringify(document), (_key, value) => {
    const isOpenObject = value?.type === 'object' && value.properties && !('additionalProperties' in value);
    return isOpenObject ? { ...value, additionalProperties: false } : value;
  });
}

/** Escapes a part of a JSON pointer (RFC 6901) in a URI fragment. */
function pointerPart(text: string): string {
  return encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));
}
