import { type Chart, figure } from './results.ts';

const width = 720;
const labelWidth = 210;
const valueWidth = 130;
const barHeight = 22;
const rowHeight = 32;
const margin = 8;

/** Both schemes of a reader's system: an image in a page knows no more of it than this media query. */
const style = `
    text { font: 13px system-ui, sans-serif; fill: #24292f; }
    .ours { fill: #0969da; }
    .theirs { fill: #afb8c1; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .ours { fill: #4493f8; }
      .theirs { fill: #57606a; }
    }`;

/** A bar chart as SVG, one bar below the other, each with its figure beside it. */
export function barChart(title: string, { unit, bars }: Chart): string {
  const largest = Math.max(...bars.map(({ value }) => value));
  const barWidthMax = width - labelWidth - valueWidth - 2 * margin;
  const rows = bars.map(({ name, value, ours }, index) => {
    const top = margin + index * rowHeight;
    const barWidth = Math.max(1, Math.round((barWidthMax * value) / largest));
    const left = margin + labelWidth;
    const baseline = top + barHeight / 2 + 5;
    return `  <text x="${left - 8}" y="${baseline}" text-anchor="end">${escapeXml(name)}</text>
  <rect class="${ours ? 'ours' : 'theirs'}" x="${left}" y="${top}" width="${barWidth}" height="${barHeight}" rx="3"/>
  <text x="${left + barWidth + 8}" y="${baseline}">${escapeXml(`${figure(value)} ${unit}`)}</text>`;
  });
  const height = 2 * margin + bars.length * rowHeight - (rowHeight - barHeight);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
  <title>${escapeXml(title)}</title>
  <style>${style}
  </style>
${rows.join('\n')}
</svg>
`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
