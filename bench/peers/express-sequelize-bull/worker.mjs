// What sends the mails and moves the orders of server.mjs, one Bull job each, as Bull's makers recommend.

import Queue from 'bull';
import { DataTypes, Sequelize } from 'sequelize';
import { uuidv7 } from 'uuidv7';
import { nextStatus, sendOrderMail } from '../mail.mjs';

const { DATABASE_URL, REDIS_URL, STATUS_INTERVAL_MS } = process.env;
const sequelize = new Sequelize(DATABASE_URL, {
  logging: false,
  pool: { max: 10 },
  define: { underscored: true, timestamps: false },
});
const id = { type: DataTypes.UUID, primaryKey: true };
const moment = DataTypes.DATE(3);
const Customer = sequelize.define('customer', { id, name: DataTypes.TEXT, email: DataTypes.TEXT });
const Order = sequelize.define('order', {
  id,
  customerId: DataTypes.UUID,
  status: DataTypes.TEXT,
  run: DataTypes.INTEGER,
  totalCents: DataTypes.BIGINT,
  nextStatusAt: moment,
  updatedAt: moment,
});
const OrderItem = sequelize.define('orderItem', {
  orderId: { type: DataTypes.UUID, primaryKey: true },
  position: { type: DataTypes.SMALLINT, primaryKey: true },
  name: DataTypes.TEXT,
  quantity: DataTypes.INTEGER,
  unitPriceCents: DataTypes.INTEGER,
});
const OrderHistory = sequelize.define(
  'orderHistory',
  {
    orderId: { type: DataTypes.UUID, primaryKey: true },
    run: { type: DataTypes.INTEGER, primaryKey: true },
    status: { type: DataTypes.TEXT, primaryKey: true },
    at: moment,
  },
  { tableName: 'order_history' },
);
const Mail = sequelize.define('mail', {
  id,
  orderId: DataTypes.UUID,
  run: DataTypes.INTEGER,
  status: DataTypes.TEXT,
  state: DataTypes.TEXT,
  attempts: DataTypes.INTEGER,
  createdAt: moment,
  dueAt: moment,
  sentAt: moment,
});
const mails = new Queue('mails', REDIS_URL);
const steps = new Queue('steps', REDIS_URL);

mails.process(20, async ({ data: { mailId } }) => {
  const mail = await Mail.findByPk(mailId);
  if (!mail || mail.state === 'sent') return;
  const order = await Order.findByPk(mail.orderId);
  const customer = await Customer.findByPk(order.customerId);
  const items = await OrderItem.findAll({ where: { orderId: order.id }, order: ['position'] });
  await sendOrderMail({ mail, order, items, customer });
  await mail.update({ state: 'sent', attempts: mail.attempts + 1, sentAt: new Date(), dueAt: null });
});

steps.process(4, async ({ data: { orderId } }) => {
  const mailId = uuidv7();
  const status = await sequelize.transaction(async (transaction) => {
    const order = await Order.findByPk(orderId, { lock: transaction.LOCK.UPDATE, transaction });
    const next = nextStatus[order.status];
    if (!next) return null;
    const now = new Date();
    const nextStatusAt = next === 'delivered' ? null : new Date(now.getTime() + Number(STATUS_INTERVAL_MS));
    await order.update({ status: next, nextStatusAt, updatedAt: now }, { transaction });
    await OrderHistory.create({ orderId, run: order.run, status: next, at: now }, { transaction });
    const mail = { id: mailId, orderId, run: order.run, status: next, state: 'queued', attempts: 0, createdAt: now, dueAt: now };
    await Mail.create(mail, { transaction });
    return next;
  });
  if (status === null) return;
  await mails.add({ mailId }, { removeOnComplete: true });
  if (nextStatus[status]) await steps.add({ orderId }, { delay: Number(STATUS_INTERVAL_MS), removeOnComplete: true });
});
