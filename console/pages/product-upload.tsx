import { useState } from 'hono/jsx/dom';
import { count } from '../format.ts';
import { Field, Form } from '../forms.tsx';
import { Table } from '../lists.tsx';
import { base } from '../routing.ts';
import { announce, Badge, Page, Problem, Section } from '../ui.tsx';
import { batchesOf, type Checked, check, type Outcome, type Result, readRows, write } from '../upload.ts';
import { useAction } from '../work.ts';

const fileBytesMax = 50_000_000;
/** More would be no help to anybody, and slow. */
const rowsShownMax = 1_000;
const outcomes: Outcome[] = ['refused', 'created', 'updated', 'unchanged'];

/** Spreadsheets may write another encoding, of which only rubbish would get into the catalogue. */
async function textIn(file: File): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Error('The file is not in UTF-8: save it as “CSV UTF-8”.');
  }
}

type Progress = { doing: string; done: number; of: number };

function ProgressBar({ doing, done, of }: Progress) {
  return (
    <div class="progress">
      <label for="upload-progress">
        {doing}: {count(done)} of {count(of)}
      </label>
      <progress id="upload-progress" value={done} max={of} />
    </div>
  );
}

function Report({ results, isDone }: { results: Result[]; isDone: boolean }) {
  const sorted = outcomes.flatMap((outcome) => results.filter((result) => result.outcome === outcome));
  return (
    <Section title={isDone ? 'What was done' : 'What would be done'}>
      <ul class="tiles">
        {outcomes.map((outcome) => {
          const found = results.filter((result) => result.outcome === outcome).length;
          return (
            <li key={outcome} class={outcome === 'refused' && found > 0 ? 'tile bad' : 'tile'}>
              <span class="tile-figure">{count(found)}</span>
              <span>{outcome}</span>
            </li>
          );
        })}
      </ul>
      <Table
        caption="Products of the file"
        rows={sorted.slice(0, rowsShownMax)}
        keyOf={({ line }) => String(line)}
        columns={[
          { head: 'Line', cell: ({ line }) => count(line) },
          { head: 'SKU', cell: ({ sku }) => sku || '–' },
          { head: 'Outcome', cell: ({ outcome }) => <Badge>{outcome}</Badge> },
          { head: 'Reason', cell: ({ reason }) => reason || '–' },
        ]}
      />
      {sorted.length > rowsShownMax ? (
        <p class="hint">The first {count(rowsShownMax)} are shown, refused ones first.</p>
      ) : null}
    </Section>
  );
}

/** Many products at once: a file is checked first, and written when what would become of it is what was meant. */
export function ProductUploadPage() {
  const [progress, setProgress] = useState<Progress | null>(null);
  const [checked, setChecked] = useState<Checked[]>([]);
  const [written, setWritten] = useState<Result[][]>([]);
  const writing = useAction();
  const rowsChecked = checked.flatMap(({ results }) => results);
  const toWrite = checked.reduce((sum, { rows }) => sum + rows.length, 0);
  const isWritten = checked.length > 0 && written.length === checked.length;

  async function checkFile(data: FormData): Promise<void> {
    setChecked([]);
    setWritten([]);
    const file = data.get('file');
    if (!(file instanceof File) || file.name === '') throw new Error('Choose a file first.');
    if (file.size > fileBytesMax) throw new Error('Files may have 50 MB: split this one.');
    const rows = readRows(await textIn(file));
    const found: Checked[] = [];
    try {
      for (const batch of batchesOf(rows)) {
        setProgress({ doing: 'Checked', done: found.flatMap(({ results }) => results).length, of: rows.length });
        found.push(await check(batch));
      }
    } finally {
      setProgress(null);
    }
    setChecked(found);
    announce('The file is checked. Nothing is written yet.');
  }

  /** Goes on where it broke off, if it has. */
  async function writeAll(): Promise<void> {
    const done = [...written];
    try {
      for (const batch of checked.slice(done.length)) {
        setProgress({ doing: 'Written', done: done.flat().length, of: rowsChecked.length });
        done.push(await write(batch));
        setWritten([...done]);
      }
    } finally {
      setProgress(null);
    }
    announce('The products are written.');
  }

  return (
    <Page title="Upload products" actions={<a href={`${base}/products`}>To the catalogue</a>}>
      <p>
        A CSV file with a heading, of the columns <code>sku</code>, <code>name</code>, <code>description</code>,{' '}
        <code>priceCents</code>, <code>stock</code>, <code>stockChange</code>, <code>tags</code> and <code>images</code>
        : what an export gives will do. A product is made, or replaced by its SKU. <code>stock</code> counts for new
        products, <code>stockChange</code> is booked for those that are there. The file is checked first, and nothing is
        written then.
      </p>
      <Form submit="Check the file" onSubmit={checkFile}>
        <Field label="File" name="file" type="file" accept=".csv,text/csv" />
      </Form>
      {progress ? <ProgressBar {...progress} /> : null}
      {checked.length > 0 && !isWritten ? (
        <div class="actions">
          <button
            type="button"
            aria-busy={writing.isBusy ? 'true' : 'false'}
            onClick={() => void writing.run(writeAll)}
            disabled={toWrite === 0}
          >
            {written.length > 0 ? 'Go on writing' : `Write ${count(toWrite)} of ${count(rowsChecked.length)} products`}
          </button>
        </div>
      ) : null}
      {writing.error === undefined ? null : <Problem error={writing.error} />}
      {checked.length > 0 ? <Report results={isWritten ? written.flat() : rowsChecked} isDone={isWritten} /> : null}
    </Page>
  );
}
