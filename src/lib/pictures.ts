/** What is drawn, by name, on a field of 96 by 96: one outline each. */
const outlines = {
  kitchen: 'M24 40h48v26a8 8 0 0 1-8 8H32a8 8 0 0 1-8-8zM14 44h10M72 44h10M20 40h56M48 30v10M42 28h12',
  home: 'M20 70V46h56v24M26 46V28a6 6 0 0 1 6-6h32a6 6 0 0 1 6 6v18M20 60h56M26 70v8M70 70v8',
  outdoor: 'M48 20 14 76h68zM48 20v24M36 76l12-32 12 32',
  clothing: 'M34 20 16 32l8 14 8-5v35h32V41l8 5 8-14-18-12c-3 7-25 7-28 0z',
  electronics: 'M18 26h60v40H18zM48 66v10M34 76h28M26 34h44v24H26z',
  pantry: 'M34 22h28v8l6 8v34a6 6 0 0 1-6 6H34a6 6 0 0 1-6-6V38l6-8zM34 30h28M28 46h40M28 64h40',
  stationery: 'M28 18h38a4 4 0 0 1 4 4v52a4 4 0 0 1-4 4H28zM38 18v60M46 32h16M46 42h16',
} as const;

export type PictureName = keyof typeof outlines;

const hues = 360;

/** The file name of a picture in one of so many colours. */
export function pictureFile(name: PictureName, number: number): string {
  return `${name}-${number % hues}.svg`;
}

const isPicture = (name: string): name is PictureName => Object.hasOwn(outlines, name);

/** Draws the picture of a file name, as SVG; null for a name that `pictureFile` never gives. */
export function drawPicture(file: string): string | null {
  const [, name = '', number = ''] = /^([a-z]+)-(0|[1-9]\d{0,2})\.svg$/.exec(file) ?? [];
  const hue = Number(number);
  if (!isPicture(name) || hue >= hues) return null;
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96">',
    `<rect width="96" height="96" fill="hsl(${hue} 45% 88%)"/>`,
    `<path d="${outlines[name]}" fill="none" stroke="hsl(${hue} 45% 32%)" stroke-width="3" stroke-linejoin="round" stroke-linecap="round"/>`,
    '</svg>',
  ].join('');
}
