import { useEffect, useRef } from 'hono/jsx/dom';
import uPlot from 'uplot';
import { count, day, money } from './format.ts';

export type DayOfSales = { day: string; orders: number; totalCents: number };

const heightRem = 16;
const axisTextRem = 0.75;
const daySeconds = 86_400;

/** The size of the page's text in pixels, by which all of it grows on large screens. */
const remPx = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize);

/** Draws orders as bars and revenue as a line, each by its own scale, in the colours of the page. */
function draw(place: HTMLElement, days: DayOfSales[], currency: string): uPlot {
  const styles = getComputedStyle(place);
  const rem = remPx();
  const colour = (name: string) => styles.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--pico-muted-color'),
    grid: { stroke: colour('--pico-muted-border-color'), width: 1 },
    ticks: { show: false },
    font: `${axisTextRem * rem}px ${styles.fontFamily}`,
  };
  const whole = (values: number[]) => values.map((value) => (Number.isInteger(value) ? count(value) : ''));
  const bars = uPlot.paths.bars?.({ size: [0.7, 40] });
  const dayAt = (seconds: number) => day(new Date(seconds * 1_000).toISOString().slice(0, 10));
  return new uPlot(
    {
      width: place.clientWidth,
      height: heightRem * rem,
      // Days of the report are those of UTC.
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC'),
      cursor: { y: false, points: { show: false } },
      scales: {
        x: { range: (_plot, from, to) => [from - daySeconds / 2, to + daySeconds / 2] },
        orders: { range: (_plot, _from, to) => [0, Math.max(4, to * 1.1)] },
        revenue: { range: (_plot, _from, to) => [0, Math.max(100, to * 1.1)] },
      },
      axes: [
        {
          ...axis,
          values: (_plot, ticks) => ticks.map(dayAt),
          size: 2.6 * rem,
          space: 3.5 * rem,
          incrs: [1, 2, 7, 14, 28].map((n) => n * daySeconds),
        },
        { ...axis, scale: 'orders', size: 2.6 * rem, space: 2.2 * rem, values: (_plot, ticks) => whole(ticks) },
        {
          ...axis,
          scale: 'revenue',
          side: 1,
          size: 5.5 * rem,
          space: 2.2 * rem,
          grid: { show: false },
          values: (_plot, ticks) => ticks.map((cents) => money(Math.round(cents), currency)),
        },
      ],
      series: [
        { label: 'Day', value: (_plot, seconds) => (seconds === null ? '–' : dayAt(seconds)) },
        {
          label: 'Orders',
          scale: 'orders',
          fill: colour('--chart-bars'),
          stroke: colour('--chart-bars'),
          ...(bars && { paths: bars }),
          points: { show: false },
          value: (_plot, orders) => (orders === null ? '–' : count(orders)),
        },
        {
          label: 'Revenue',
          scale: 'revenue',
          stroke: colour('--chart-line'),
          width: 2,
          points: { show: days.length < 32, size: 5, fill: colour('--chart-line') },
          value: (_plot, cents) => (cents === null ? '–' : money(cents, currency)),
        },
      ],
    },
    [
      days.map(({ day }) => Date.parse(`${day}T00:00:00Z`) / 1_000),
      days.map(({ orders }) => orders),
      days.map(({ totalCents }) => totalCents),
    ],
    place,
  );
}

type ChartProps = { days: DayOfSales[]; currency: string; label: string };

/** Orders and revenue of each day. Those who do not see it have the table below it. */
export function SalesChart({ days, currency, label }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const facts = JSON.stringify([days, currency]);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    let plot = draw(element, days, currency);
    const resizing = new ResizeObserver(() =>
      plot.setSize({ width: element.clientWidth, height: heightRem * remPx() }),
    );
    resizing.observe(element);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const redraw = () => {
      plot.destroy();
      plot = draw(element, days, currency);
    };
    dark.addEventListener('change', redraw);
    return () => {
      dark.removeEventListener('change', redraw);
      resizing.disconnect();
      plot.destroy();
    };
  }, [facts]);
  return <div class="chart" ref={place} role="img" aria-label={label} />;
}
