// Takes every mail and shows it on a web page: bun mail-catcher.ts SMTP_PORT WEB_PORT DIRECTORY
import { MailDev } from 'maildev';

const keptMailsMax = 500;
const [smtpPort, webPort, mailDirectory = ''] = process.argv.slice(2);

const catcher = new MailDev({
  smtp: Number(smtpPort),
  ip: '127.0.0.1',
  web: Number(webPort),
  webIp: '127.0.0.1',
  mailDirectory,
  maxEmails: keptMailsMax,
  silent: true,
});
await catcher.start();
