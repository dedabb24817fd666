import { join, relative } from 'node:path';
import { keepChild, logFileOf } from './child.ts';
import { dataDirectory, root } from './paths.ts';
import { freePort } from './ports.ts';
import { startPostgres } from './postgres.ts';
import { keepRunning } from './running.ts';
import { keptSecret } from './secrets.ts';

/** What the functions below add to, each in place of a setting that is unset. */
export type Kit = {
  /** The settings that the API and the worker get on top of what is set. */
  environment: Record<string, string>;
  /** For the person who started the shop: a word and a line each. */
  notes: [title: string, text: string][];
  /** Stops what runs for them. */
  running: AsyncDisposableStack;
};

const preferredPorts = { postgres: 15_432, smtp: 1025, mailPage: 1080 };
const mailCatcherStopTimeoutMs = 2_000;
const adminEmail = 'admin@shop.localhost';

/** `DATABASE_URL`: a Postgres with its data in `.data`. */
export async function supplyDatabase({ environment, notes, running }: Kit): Promise<string> {
  const directory = join(dataDirectory, 'postgres');
  let port: Promise<number> | undefined;
  // Chosen once: the API and the worker look for it there.
  const choosePort = () => (port ??= freePort(preferredPorts.postgres));
  const { first, stop } = await keepRunning('Postgres', () => startPostgres({ directory, choosePort }));
  running.defer(stop);
  const { url, cluster } = first;
  const place = cluster.startsWith(root) ? relative(root, cluster) : cluster;
  environment.DATABASE_URL = url;
  notes.push(['Database', `${url} (data in ${place})`]);
  return url;
}

/** `SMTP_URL`: a server that keeps all mails and shows them on a web page. */
export async function supplyMailServer({ environment, notes, running }: Kit): Promise<void> {
  const smtpPort = await freePort(preferredPorts.smtp);
  const pagePort = await freePort(preferredPorts.mailPage);
  const stop = await keepChild({
    name: 'The mail catcher',
    command: [join(import.meta.dir, 'mail-catcher.ts'), `${smtpPort}`, `${pagePort}`, join(dataDirectory, 'mail')],
    logFile: logFileOf('mail-catcher'),
    stopTimeoutMs: mailCatcherStopTimeoutMs,
  });
  running.defer(stop);
  environment.SMTP_URL = `smtp://127.0.0.1:${smtpPort}?tls=never`;
  notes.push(['Mail', `http://127.0.0.1:${pagePort} (every mail ends here)`]);
}

/** `JWT_SECRET`: a random one that stays, so that tokens outlive a restart. */
export function supplyJwtSecret({ environment }: Kit): void {
  environment.JWT_SECRET = keptSecret(join(dataDirectory, 'jwt-secret'));
}

/** `TOKEN_SECRET`: likewise, so that links of mails outlive it. */
export function supplyTokenSecret({ environment }: Kit): void {
  environment.TOKEN_SECRET = keptSecret(join(dataDirectory, 'token-secret'));
}

/** `ADMIN_EMAIL`, and a random `ADMIN_PASSWORD` unless that is set. */
export function supplyAdmin({ environment, notes }: Kit, givenPassword: string | undefined): void {
  const password = givenPassword ?? keptSecret(join(dataDirectory, 'admin-password'));
  environment.ADMIN_EMAIL = adminEmail;
  environment.ADMIN_PASSWORD = password;
  notes.push(['Admin', `${adminEmail}, password ${password} (for the console and the API)`]);
}
