// Checks, without a network, what the host of the repository and the tools around it read: workflows by GitHub's own
// parser, the others against the part of their published form that is used here.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
import { Glob, YAML } from 'bun';
import { z } from 'zod';
import packageJson from '../package.json' with { type: 'json' };
import { version } from '../src/lib/version.ts';

const root = join(import.meta.dir, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const filesOf = (pattern: string) => [...new Glob(pattern).scanSync({ cwd: root, dot: true })].toSorted();
const faults: string[] = [];
const { dependencies, devDependencies, engines } = packageJson;

if (version !== packageJson.version) faults.push('src/lib/version.ts has another version than package.json.');

/** Of GitHub's issue forms: https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests/syntax-for-issue-forms */
const text = z.string().min(1);
const field = z.strictObject({ label: text, description: text.optional(), placeholder: text.optional() });
const asked = { id: z.string().regex(/^[\w-]+$/), validations: z.strictObject({ required: z.boolean() }).optional() };
const formSchema = z.strictObject({
  name: text,
  description: text,
  labels: z.array(text).optional(),
  body: z.array(
    z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('markdown'), attributes: z.strictObject({ value: text }) }),
      z.strictObject({ type: z.literal('textarea'), attributes: field, ...asked }),
      z.strictObject({ type: z.literal('input'), attributes: field, ...asked }),
      z.strictObject({
        type: z.literal('dropdown'),
        attributes: field.extend({ options: z.array(text).min(1) }),
        ...asked,
      }),
    ]),
  ),
});
const chooserSchema = z.strictObject({ blank_issues_enabled: z.boolean() });

/** Of Renovate: https://docs.renovatebot.com/renovate-schema.json */
const renovateSchema = z.strictObject({
  $schema: z.url(),
  extends: z.array(text),
  schedule: z.array(text),
  minimumReleaseAge: text,
  prConcurrentLimit: z.int(),
  packageRules: z.array(
    z.strictObject({
      description: text.optional(),
      groupName: text.optional(),
      matchPackageNames: z.array(text).optional(),
      matchFileNames: z.array(text).optional(),
      matchUpdateTypes: z.array(z.enum(['major', 'minor', 'patch'])).optional(),
      allowedVersions: text.optional(),
      dependencyDashboardApproval: z.boolean().optional(),
    }),
  ),
});

/** Of development containers: https://containers.dev/implementors/json_reference/ */
const containerSchema = z.strictObject({
  $schema: z.url(),
  name: text,
  image: text,
  onCreateCommand: text,
  updateContentCommand: text,
  forwardPorts: z.array(z.int()),
  portsAttributes: z.record(z.string(), z.strictObject({ label: text })),
  customizations: z.record(z.string(), z.unknown()),
});

/** What a file holds, once it has this form. */
function parsed<Schema extends z.ZodType>(file: string, schema: Schema): z.infer<Schema> | undefined {
  const { data, error } = schema.safeParse(file.endsWith('.json') ? JSON.parse(read(file)) : YAML.parse(read(file)));
  if (error) faults.push(`${file}: ${z.prettifyError(error)}`);
  return data;
}

for (const file of filesOf('.github/workflows/*.yml')) {
  const content = read(file);
  const { context } = parseWorkflow({ name: file, content }, new NoOperationTraceWriter());
  faults.push(...context.errors.getErrors().map(({ message }) => message));
  for (const [, action = ''] of content.matchAll(/uses: (.*)/g)) {
    if (!/^[\w/-]+@[0-9a-f]{40} # v\d/.test(action)) faults.push(`${file}: ${action} is not pinned to a commit`);
  }
  for (const [, script = ''] of content.matchAll(/run: (?:ba)?sh (\S+)/g)) {
    if (!existsSync(join(root, script))) faults.push(`${file}: there is no ${script}`);
  }
}

for (const file of filesOf('.github/ISSUE_TEMPLATE/*.yml')) {
  if (file.endsWith('/config.yml')) {
    parsed(file, chooserSchema);
    continue;
  }
  const ids = parsed(file, formSchema)?.body.flatMap((element) => ('id' in element ? [element.id] : [])) ?? [];
  if (ids.length === 0 || new Set(ids).size < ids.length) faults.push(`${file}: asks for nothing, or twice for one`);
}

const ours = Object.keys({ ...dependencies, ...devDependencies });
const bun = devDependencies.bun;
const names = parsed('.github/renovate.json', renovateSchema)?.packageRules.flatMap(
  (rule) => rule.matchPackageNames ?? [],
);
for (const name of names ?? []) {
  if (!ours.includes(name) && !/(?:^|\/)oven(?:-sh)?\/bun$/.test(name))
    faults.push(`.github/renovate.json: nothing uses ${name}`);
}
for (const name of ours.filter((each) => each.startsWith('@opentelemetry/'))) {
  if (!names?.includes(name)) faults.push(`.github/renovate.json: ${name} is not in the group of OpenTelemetry`);
}

const node = read('.node-version').trim();
if (`>=${node}` !== engines.node) faults.push(`.node-version: ${node} is not the least of ${engines.node}`);
const image = parsed('.devcontainer/devcontainer.json', containerSchema)?.image ?? '';
if (!image.includes(`:${node}-`)) faults.push(`.devcontainer/devcontainer.json: ${image} is not of Node.js ${node}`);
const buns = {
  'package.json, bun-types': devDependencies['bun-types'],
  '.bun-version': read('.bun-version').trim(),
  Dockerfile: /^ARG BUN=.*:(.*)$/m.exec(read('Dockerfile'))?.[1],
};
for (const [file, version] of Object.entries(buns)) {
  if (version !== bun) faults.push(`${file}: ${version} is not the Bun of package.json, ${bun}`);
}

for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exit(1);
console.log(`Bun ${bun}, Node.js ${node}; the files of the host are well formed.`);
