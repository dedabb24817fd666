/** What a list can show of text that anybody may send: one line of well-formed Unicode, and not too long. */
export function oneLine(text: string, charactersMax: number): string {
  const line = text.toWellFormed().replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ');
  return Array.from(line).slice(0, charactersMax).join('');
}
