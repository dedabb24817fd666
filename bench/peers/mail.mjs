// The mail of an order as the peers' workers send it: nodemailer's pool, its own composer, a text and a page. nodemailer
// is the shop's own.

import { createTransport } from 'nodemailer';

const transport = createTransport({ url: `${process.env.SMTP_URL}?ignoreTLS=true`, pool: true, maxConnections: 20 });

const money = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Sends the mail that tells of an order's status: `{mail: {run, status}, order: {id, totalCents}, items, customer}`. */
export async function sendOrderMail({ mail, order, items, customer }) {
  const subject = `Your order is ${mail.status}`;
  const lines = items.map(({ name, quantity, unitPriceCents }) => ({
    name: `${quantity} x ${name}`,
    amount: money.format((quantity * unitPriceCents) / 100),
  }));
  const total = money.format(order.totalCents / 100);
  const rows = lines.map(({ name, amount }) => `<tr><td>${escaped(name)}</td><td>${amount}</td></tr>`).join('');
  await transport.sendMail({
    from: { name: 'Shop', address: 'shop@example.com' },
    to: { name: customer.name, address: customer.email },
    subject,
    text: [`Hello ${customer.name},`, '', subject, '', ...lines.map(({ name, amount }) => `  ${name}: ${amount}`), '', `Total: ${total}`, ''].join('\n'),
    html: `<!doctype html><html><body><h1>${subject}</h1><p>Hello ${escaped(customer.name)},</p><table>${rows}<tr><td>Total</td><td>${total}</td></tr></table></body></html>`,
    messageId: `<${order.id}.${mail.run}.${mail.status}@example.com>`,
    headers: { 'X-Order-Id': order.id, 'X-Order-Status': mail.status, 'X-Order-Run': String(mail.run) },
  });
}

export const nextStatus = { pending: 'processing', processing: 'shipped', shipped: 'delivered' };
