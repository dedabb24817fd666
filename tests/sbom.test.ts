import { expect, test } from 'bun:test';
import packageJson from '../package.json' with { type: 'json' };
import { root } from './support/app-process.ts';

type Component = { name: string; version: string; purl: string; properties?: { name: string }[] };
type Bom = { bomFormat: string; metadata: { component: { version: string } }; components: Component[] };

test('npm run sbom › names every package, and marks those that only develop it', async () => {
  const child = Bun.spawn(['npm', 'run', '--silent', 'sbom'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, complaint] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect({ code: await child.exited, complaint }).toMatchObject({ code: 0 });
  const bom = JSON.parse(output) as Bom;
  expect(bom).toMatchObject({ bomFormat: 'CycloneDX', metadata: { component: { version: packageJson.version } } });
  const forDevelopment = ({ properties = [] }: Component) =>
    properties.some(({ name }) => name === 'cdx:npm:package:development');
  const names = (components: Component[]) => new Set(components.map(({ name, version }) => `${name}@${version}`));
  const running = names(bom.components.filter((component) => !forDevelopment(component)));
  const direct = Object.entries(packageJson.dependencies).map(([name, version]) => `${name}@${version}`);
  expect(direct.filter((each) => !running.has(each))).toEqual([]);
  // With those that they bring along.
  expect(running.size).toBeGreaterThan(direct.length * 2);
  const all = names(bom.components);
  const development = Object.entries(packageJson.devDependencies).map(([name, version]) => `${name}@${version}`);
  expect(development.filter((each) => !all.has(each))).toEqual([]);
  // Some of them a package of production may use, too, if they are there.
  expect(development.filter((each) => /biome|deno|maildev|typescript/.test(each) && running.has(each))).toEqual([]);
  expect(bom.components.filter(({ purl }) => !purl.startsWith('pkg:npm/'))).toEqual([]);
});
