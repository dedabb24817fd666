// Writes what other clients take of the requests in clients/http/shop.http: the same for VS Code's REST Client, and a
// collection and an environment for Postman.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const directory = join(import.meta.dir, '../clients/http');

type SavedRequest = {
  title: string;
  name: string;
  method: string;
  url: string;
  headers: { key: string; value: string }[];
  body: string | undefined;
  /** What is run on the answer, in the words of JetBrains' HTTP Client. */
  script: string[];
};

type Source = { variables: { key: string; value: string }[]; requests: SavedRequest[] };

const shape =
  /^(?<title>.+)\n# @name (?<name>\w+)\n(?<method>[A-Z]+) (?<url>\S+)\n(?<headers>(?:[\w-]+: .+\n)*)(?:\n(?<body>[^>\n][\s\S]*?)\n)?\n> \{%\n(?<script>[\s\S]*?)\n%\}\s*$/;

/** @throws {Error} where something stands that could not be carried over */
function parse(text: string): Source {
  const [head = '', ...sections] = text.split(/^### /m);
  const variables = [...head.matchAll(/^@(\w+) = (.*)$/gm)].map(([, key = '', value = '']) => ({ key, value }));
  const requests = sections.map((section) => {
    const found = shape.exec(section)?.groups;
    if (!found) throw new Error(`shop.http has a request of another shape:\n${section}`);
    const { title = '', name = '', method = '', url = '', headers = '', body, script = '' } = found;
    return {
      title,
      name,
      method,
      url,
      headers: [...headers.matchAll(/^(\S+): (.+)$/gm)].map(([, key = '', value = '']) => ({ key, value })),
      body,
      script: script.split('\n'),
    };
  });
  return { variables, requests };
}

/** What a request keeps of its answer for those after it: the name of a variable, and where in the body it stands. */
function kept({ script }: SavedRequest): { variable: string; path: string }[] {
  return script.flatMap((line) => {
    const [, variable, path] = /^client\.global\.set\("(\w+)", response\.(body(?:\.\w+)+)\);$/.exec(line) ?? [];
    return variable !== undefined && path !== undefined ? [{ variable, path }] : [];
  });
}

/** REST Client runs no scripts; it finds what others were answered by their names. */
function restClient({ variables, requests }: Source): string {
  const answered = new Map(
    requests.flatMap((request) =>
      kept(request).map(({ variable, path }) => [variable, `${request.name}.response.${path}`] as const),
    ),
  );
  const linked = (text: string) =>
    text.replaceAll(/\{\{(\w+)\}\}/g, (whole, variable: string) =>
      answered.has(variable) ? `{{${answered.get(variable)}}}` : whole,
    );
  const sections = requests.map(({ title, name, method, url, headers, body }) =>
    [
      `### ${title}`,
      `# @name ${name}`,
      `${method} ${linked(url)}`,
      ...headers.map(({ key, value }) => `${key}: ${linked(value)}`),
      ...(body === undefined ? [] : ['', withGuid(linked(body))]),
      '',
    ].join('\n'),
  );
  const head = [
    "# For VS Code's REST Client. Written from shop.http by scripts/write-collections.ts; the titles say what is refused.",
    '',
    ...variables.map(({ key, value }) => `@${key} = ${value}`),
    '',
  ].join('\n');
  return [head, ...sections].join('\n');
}

/** JetBrains' word for a random id in REST Client's and Postman's. */
const withGuid = (text: string) => text.replaceAll('{{$uuid}}', '{{$guid}}');

/** A line of a script in Postman's words. */
function inPostman(line: string): string {
  return line
    .replace(/client\.assert\((.*)\)\);$/, 'pm.expect($1).to.equal(true));')
    .replaceAll('client.test(', 'pm.test(')
    .replaceAll('client.global.set(', 'pm.collectionVariables.set(')
    .replaceAll('response.headers.valueOf(', 'pm.response.headers.get(')
    .replaceAll(/(?<!pm\.)response\.status/g, 'pm.response.code')
    .replaceAll(/(?<!pm\.)response\.body/g, 'pm.response.json()');
}

function postmanCollection({ requests }: Source): object {
  return {
    info: {
      name: 'Shop',
      description: 'A purchase from both sides, to be run in this order. Written from shop.http.',
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    item: requests.map(({ title, method, url, headers, body, script }) => ({
      name: title,
      event: [{ listen: 'test', script: { type: 'text/javascript', exec: script.map(inPostman) } }],
      request: {
        method,
        header: headers,
        ...(body === undefined
          ? {}
          : { body: { mode: 'raw', raw: withGuid(body), options: { raw: { language: 'json' } } } }),
        url,
      },
    })),
  };
}

function postmanEnvironment({ variables }: Source): object {
  return {
    name: 'Shop on this machine',
    values: variables.map(({ key, value }) => ({
      key,
      value,
      type: key.endsWith('Password') ? 'secret' : 'default',
      enabled: true,
    })),
    _postman_variable_scope: 'environment',
  };
}

/** The files in clients/http by name, as they have to be for what shop.http says. */
export function collectionsOf(text: string): Record<string, string> {
  const source = parse(text);
  const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`;
  return {
    'shop.rest-client.http': restClient(source),
    'shop.postman_collection.json': json(postmanCollection(source)),
    'shop.postman_environment.json': json(postmanEnvironment(source)),
  };
}

if (import.meta.main) {
  const files = collectionsOf(readFileSync(join(directory, 'shop.http'), 'utf8'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
}
