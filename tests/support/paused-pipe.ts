import { closeSync, constants, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A pipe for the output of a process, that is read or left alone at will. */
export type PausedPipe = {
  /** What the process gets for its standard output. */
  writeEnd: number;
  /** What has been read so far. */
  text: () => string;
  /** Stops reading, and begins again. */
  pause: () => void;
  resume: () => void;
  /** Leaves no room in a pipe that is not read, by line feeds. */
  fill: () => void;
  /** Lets the reader end once it has read what is left, when those who write have ended. */
  finish: () => void;
  close: () => void;
};

/** Opens a pipe that is read into `logFile`. */
export function openPausedPipe(logFile: string): PausedPipe {
  const path = join(tmpdir(), `shop-pipe-${crypto.randomUUID()}`);
  if (!Bun.spawnSync(['mkfifo', path]).success) throw new Error('There is no pipe to be made with mkfifo.');
  closeSync(openSync(logFile, 'w'));
  const reader = Bun.spawn(['cat', path], { stdio: ['ignore', Bun.file(logFile), 'ignore'] });
  // Waits for the reader to open it.
  const writeEnd = openSync(path, 'w');
  const ownEnd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  rmSync(path);
  return {
    writeEnd,
    text: () => readFileSync(logFile, 'utf8'),
    pause: () => reader.kill('SIGSTOP'),
    resume: () => reader.kill('SIGCONT'),
    fill() {
      const page = '\n'.repeat(4_096);
      try {
        for (;;) writeSync(ownEnd, page);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
    },
    finish() {
      closeSync(ownEnd);
      closeSync(writeEnd);
    },
    close: () => reader.kill('SIGKILL'),
  };
}
