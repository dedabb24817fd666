import { eventually } from './wait.ts';

/** The samples that a text in the format of Prometheus holds. */
export type Samples = {
  /** Every name that a sample has. */
  names: Set<string>;
  /** The label sets of a name's samples. */
  labels: (name: string) => Record<string, string>[];
  /** The sum of a name's samples that have these labels; undefined when there is none. */
  value: (name: string, labels?: Record<string, string>) => number | undefined;
};

type Sample = { name: string; labels: Record<string, string>; value: number };

function parse(text: string): Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [key, text]);
    return { name, labels: Object.fromEntries(pairs), value: Number(value) };
  });
}

/** Reads what a process shows at its `/metrics`. */
export async function scrape(url: string): Promise<Samples> {
  const response = await fetch(`${url}/metrics`);
  if (!response.ok) throw new Error(`${url}/metrics answered ${response.status}.`);
  const samples = parse(await response.text());
  const named = (name: string) => samples.filter((sample) => sample.name === name);
  return {
    names: new Set(samples.map(({ name }) => name)),
    labels: (name) => named(name).map(({ labels }) => labels),
    value: (name, labels = {}) => {
      const found = named(name).filter((sample) =>
        Object.entries(labels).every(([label, text]) => sample.labels[label] === text),
      );
      return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
    },
  };
}

/** The same, once everything that a scrape asks has answered in time, which a busy machine may not do at once. */
export function completeScrape(url: string, sources = ['postgres', 'queue']): Promise<Samples> {
  return eventually(async () => {
    const samples = await scrape(url);
    return sources.every((source) => samples.value('shop_source_up', { source }) === 1) && samples;
  });
}
