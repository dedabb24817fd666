import { root } from '../support/app-process.ts';

/** The files that differ from where this branch left the default one, what is not committed included. */
export function changedFiles(): string[] {
  const base = ['origin/HEAD', 'origin/main', 'main'].map((branch) => git('merge-base', 'HEAD', branch)).find(Boolean);
  const listed = [git('diff', '--name-only', base ?? 'HEAD'), git('ls-files', '--others', '--exclude-standard')];
  return listed.flatMap((text) => text.split('\n')).filter(Boolean);
}

/** What git answers, and nothing where it cannot. */
function git(...command: string[]): string {
  const { stdout, exitCode } = Bun.spawnSync(['git', '-c', `safe.directory=${root}`, ...command], { cwd: root });
  return exitCode === 0 ? stdout.toString().trim() : '';
}
