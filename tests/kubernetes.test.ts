import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { YAML } from 'bun';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { Job } from 'kubernetes-models/batch/v1';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Namespace, Secret, Service } from 'kubernetes-models/v1';
import packageJson from '../package.json' with { type: 'json' };
import { readSettings } from '../src/settings.ts';
import {
  connectionsPerProcess,
  imageCommands,
  processOf,
  readSource,
  secretsIn,
  secretsOf,
  settingNames,
} from './support/declared.ts';

/** What a Postgres allows by default. */
const connectionsMax = 100;

describe('deploy/kubernetes', () => {
  const directory = join(import.meta.dir, '../deploy/kubernetes');
  const models = {
    ConfigMap,
    Deployment,
    HorizontalPodAutoscaler,
    Job,
    Namespace,
    NetworkPolicy,
    PodDisruptionBudget,
    Secret,
    Service,
  };
  type Kind = keyof typeof models;
  type Container = {
    args: string[];
    image: string;
    env?: { name: string; value: string }[];
    envFrom: Record<string, { name: string }>[];
    ports?: { name: string; containerPort: number }[];
    lifecycle?: { preStop: { sleep: { seconds: number } } };
    [probe: string]: unknown;
  };
  type PodSpec = { containers: Container[]; terminationGracePeriodSeconds?: number };
  type Manifest = {
    apiVersion: string;
    kind: Kind;
    metadata: { name: string };
    data?: Record<string, string>;
    stringData?: Record<string, string>;
    spec?: { template?: { metadata: { labels: object }; spec: PodSpec }; maxReplicas?: number };
  };

  const kustomization = YAML.parse(readSource('deploy/kubernetes/kustomization.yaml')) as {
    resources: string[];
    images: { name: string; newTag: string }[];
  };
  const manifestFiles = readdirSync(directory).filter(
    (file) => file !== 'kustomization.yaml' && file !== 'secret.yaml',
  );
  const manifests = manifestFiles.flatMap((file) => {
    const documents = YAML.parse(readFileSync(join(directory, file), 'utf8')) as Manifest | Manifest[];
    return (Array.isArray(documents) ? documents : [documents]).map((manifest) => ({
      name: `${manifest.kind} ${manifest.metadata.name}`,
      manifest,
    }));
  });
  const pods = manifests.flatMap(({ name, manifest: { spec } }) =>
    spec?.template ? [{ name, pod: spec.template.spec }] : [],
  );
  const find = (kind: Kind, name: string) => {
    const found = manifests.find(({ manifest }) => manifest.kind === kind && manifest.metadata.name === name);
    if (!found) throw new Error(`There is no ${kind} ${name}.`);
    return found.manifest;
  };

  /** What the schemas of Kubernetes find wrong. */
  function faults(manifest: Manifest): string {
    const { apiVersion: _apiVersion, kind: _kind, ...fields } = manifest;
    try {
      new models[manifest.kind](fields as never).validate();
      return '';
    } catch (error) {
      return String(error);
    }
  }

  /** The paths of every value in a manifest, as the keys that lead there. */
  function paths(value: unknown, path: string[] = []): string[][] {
    const inside = typeof value === 'object' && value !== null ? Object.entries(value) : [];
    return [...(path.length > 0 ? [path] : []), ...inside.flatMap(([key, each]) => paths(each, [...path, key]))];
  }

  /** A copy in which nothing but a function, which no field takes, stands at a path. */
  function withNonsense(manifest: Manifest, path: string[]): Manifest {
    const copy = structuredClone(manifest);
    const parent = path
      .slice(0, -1)
      .reduce<Record<string, unknown>>((at, key) => at[key] as Record<string, unknown>, copy);
    parent[path.at(-1) ?? ''] = () => {};
    return copy;
  }

  test('kustomization.yaml › names every manifest but the example of a Secret', () => {
    expect(kustomization.resources.toSorted()).toEqual(
      manifestFiles.filter((file) => file !== 'secret.example.yaml').toSorted(),
    );
    expect(kustomization.images).toMatchObject([{ name: 'shop', newTag: packageJson.version }]);
  });

  test.skipIf(!Bun.which('kubectl'))('kubectl › builds them all', async () => {
    const child = Bun.spawn(['kubectl', 'kustomize', directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    const built = YAML.parse(await child.stdout.text()) as Manifest[];
    expect(await child.exited).toBe(0);
    expect(built).toHaveLength(manifests.filter(({ manifest }) => manifest.kind !== 'Secret').length);
  });

  test.each(manifests)('$name › is what its schema describes', ({ manifest }) => {
    expect(models[manifest.kind]).toHaveProperty('apiVersion', manifest.apiVersion);
    expect(faults(manifest)).toBe('');
  });

  test.each(manifests)('$name › has no field that its schema does not know', ({ manifest }) => {
    const fields = paths(manifest).filter(([first]) => first !== 'apiVersion' && first !== 'kind');
    const unknown = fields.filter((path) => faults(withNonsense(manifest, path)) === '');
    expect(unknown).toEqual([]);
  });

  test('a misspelt field › would be found', () => {
    const misspelt = { ...find('Service', 'shop-api'), spec: { portz: [] } } as unknown as Manifest;
    expect(faults(withNonsense(misspelt, ['spec', 'portz']))).toBe('');
  });

  test.each(pods)('$name › is given the secrets that it uses, and no others › and can use its settings', ({ pod }) => {
    for (const { args, env = [], envFrom } of pod.containers) {
      const command = args[0] as keyof typeof secretsOf;
      const secret = envFrom.flatMap(({ secretRef }) => (secretRef ? [secretRef.name] : []));
      const given = Object.assign({}, ...secret.map((name) => find('Secret', name).stringData)) as Record<
        string,
        string
      >;
      expect(secretsIn(Object.keys(given))).toEqual([...secretsOf[command]]);
      expect(new URL(given.DATABASE_URL ?? '').username).toBe(command === 'migrate' ? 'shop' : 'shop_app');
      expect(given.DATABASE_URL).toEndWith('?sslmode=verify-full');
      if (given.REDIS_URL) expect(given.REDIS_URL).toStartWith('rediss://');
      const settings = {
        ...(envFrom.some(({ configMapRef }) => configMapRef) ? find('ConfigMap', 'shop').data : {}),
        ...Object.fromEntries(env.map(({ name, value }) => [name, value])),
        ...given,
        ...(given.JWT_SECRET === '' ? { JWT_SECRET: 'b'.repeat(64) } : {}),
        ...(given.TOKEN_SECRET === '' ? { TOKEN_SECRET: 'e'.repeat(64) } : {}),
        ...(given.ADMIN_PASSWORD === '' ? { ADMIN_PASSWORD: 'long enough' } : {}),
      };
      expect(settingNames).toEqual(expect.arrayContaining(Object.keys(settings)));
      expect(readSettings({ ...settings, NODE_ENV: 'production' }, processOf[command])).toMatchObject({
        production: true,
      });
    }
  });

  test('NetworkPolicies › let nobody in and nothing out without saying who and where', () => {
    type Rule = { from?: object[]; to?: object[]; ports?: { port: number | string }[] };
    const policies = manifests.filter(({ manifest: { kind } }) => kind === 'NetworkPolicy');
    expect(policies).toHaveLength(3);
    for (const { name, manifest } of policies) {
      const { ingress = [], egress = [] } = manifest.spec as { ingress?: Rule[]; egress?: Rule[] };
      for (const { from, to, ports = [] } of [...ingress, ...egress]) {
        expect([name, ports.length > 0]).toEqual([name, true]);
        const others = from ?? to ?? [];
        expect([name, others.length > 0]).toEqual([name, true]);
        for (const other of others) {
          // All of the internet, but not what is within.
          const internet = '"cidr":"0\\.0\\.0\\.0/0","except":\\["10\\.0\\.0\\.0/8",';
          expect(JSON.stringify(other)).toMatch(
            new RegExp(`"cidr":"[\\d.]+/32"|${internet}|"kubernetes.io/metadata.name":"[\\w-]+"`),
          );
        }
      }
    }
  });

  test.each(pods)('$name › runs a command of the image › as nobody, on a root that cannot be written', ({ pod }) => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    for (const container of pod.containers) {
      expect(imageCommands).toContain(container.args.join(' '));
      expect(container).toMatchObject({
        image: 'shop',
        securityContext: {
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        },
        resources: { requests: { memory: expect.any(String) }, limits: { memory: expect.any(String) } },
      });
    }
  });

  test('Deployments › are given the time that a process takes to stop', () => {
    const { shutdownTimeoutMs } = readSettings(find('ConfigMap', 'shop').data);
    for (const name of ['shop-api', 'shop-worker']) {
      const { containers = [], terminationGracePeriodSeconds = 0 } =
        find('Deployment', name).spec?.template?.spec ?? {};
      const pauseSeconds = containers[0]?.lifecycle?.preStop.sleep.seconds ?? 0;
      expect(terminationGracePeriodSeconds).toBeGreaterThan(pauseSeconds + shutdownTimeoutMs / 1_000);
    }
  });

  test('Deployment shop-api › is asked at its port where the API answers', () => {
    const [container] = find('Deployment', 'shop-api').spec?.template?.spec.containers ?? [];
    const { metricsPort, port } = readSettings({ METRICS_PORT: container?.env?.[0]?.value });
    expect(container?.ports).toEqual([
      { name: 'http', containerPort: port },
      { name: 'metrics', containerPort: metricsPort ?? 0 },
    ]);
    expect(container).toMatchObject({
      startupProbe: { httpGet: { path: '/healthz', port: 'http' } },
      livenessProbe: { httpGet: { path: '/healthz', port: 'http' } },
      readinessProbe: { httpGet: { path: '/readyz', port: 'http' } },
    });
  });

  test('Deployment shop-worker › is asked at its METRICS_PORT', () => {
    const [container] = find('Deployment', 'shop-worker').spec?.template?.spec.containers ?? [];
    const { metricsPort } = readSettings({ METRICS_PORT: container?.env?.[0]?.value });
    expect(container?.ports).toEqual([{ name: 'metrics', containerPort: metricsPort ?? 0 }]);
    expect(container).toMatchObject({
      startupProbe: { httpGet: { path: '/healthz', port: 'metrics' } },
      livenessProbe: { httpGet: { path: '/healthz', port: 'metrics' } },
      readinessProbe: { httpGet: { path: '/readyz', port: 'metrics' } },
    });
  });

  test('HorizontalPodAutoscalers › together leave Postgres enough connections', () => {
    const replicas = ['shop-api', 'shop-worker'].map(
      (name) => find('HorizontalPodAutoscaler', name).spec?.maxReplicas ?? 0,
    );
    // One more of each while a new release comes.
    const processes = replicas.reduce((sum, each) => sum + each + 1, 0);
    expect(processes * connectionsPerProcess).toBeLessThanOrEqual(connectionsMax);
  });

  /** Every value under one of these keys, at any depth. */
  function valuesUnder(value: unknown, ...keys: string[]): unknown[] {
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([key, each]) => [
      ...(keys.includes(key) ? [each] : []),
      ...valuesUnder(each, ...keys),
    ]);
  }

  test.each(manifests)('$name › names no object, pod or port that is not there', ({ manifest: { kind, spec } }) => {
    type Named = { kind: Kind; name: string };
    type Labels = Record<string, string>;
    type Selector = { matchLabels?: Labels };
    const names = (key: string) => (valuesUnder(spec, key) as Named[]).map(({ name }) => name);
    for (const target of valuesUnder(spec, 'scaleTargetRef') as Named[]) {
      expect(find(target.kind, target.name)).toBeDefined();
    }
    for (const name of names('configMapRef')) expect(find('ConfigMap', name)).toBeDefined();
    for (const name of names('secretRef')) expect(find('Secret', name)).toBeDefined();

    const templates = manifests.flatMap(({ manifest }) => manifest.spec?.template ?? []);
    const selected = valuesUnder(spec, 'selector', 'podSelector', 'labelSelector').map(
      (selector) => (kind === 'Service' ? (selector as Labels) : (selector as Selector).matchLabels) ?? {},
    );
    for (const labels of selected) {
      const pods = templates.filter(({ metadata }) =>
        Object.entries(labels).every(([key, value]) => (metadata.labels as Labels)[key] === value),
      );
      expect([labels, pods.length > 0]).toEqual([labels, true]);
      // Ports by name are those of the pods that are selected.
      const ports = pods.flatMap(({ spec }) => spec.containers.flatMap((container) => container.ports ?? []));
      const named = valuesUnder((spec as { ingress?: unknown }).ingress, 'port').concat(
        valuesUnder(spec, 'targetPort'),
      );
      for (const port of named.filter((each) => typeof each === 'string')) {
        expect(ports.map(({ name }) => name)).toContain(port);
      }
    }
  });

  test('every ConfigMap and Secret › is named by a pod that uses it', () => {
    const used = pods.flatMap(({ pod }) => valuesUnder(pod, 'configMapRef', 'secretRef') as { name: string }[]);
    for (const { manifest } of manifests.filter(
      ({ manifest: { kind } }) => kind === 'ConfigMap' || kind === 'Secret',
    )) {
      expect(used.map(({ name }) => name)).toContain(manifest.metadata.name);
    }
  });
});
