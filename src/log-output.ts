import process from 'node:process';
import { type DestinationStream, pino } from 'pino';

/**
 * Opens the standard output for a log. Lines of one turn of the event loop are written together, because a write for each
 * would be a sixth of what a cached list costs. A process that is killed loses the lines of its last turn.
 */
export function openLogOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true });
  let lines = '';

  function writeLines(): void {
    if (lines) output.write(lines);
    lines = '';
  }

  process.on('exit', writeLines);
  return {
    write: (line) => {
      if (!lines) setImmediate(writeLines);
      lines += line;
    },
  };
}
