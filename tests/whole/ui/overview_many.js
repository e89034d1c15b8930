// A person looks at a server where very many mounts fail: how many there are is
// told truthfully, each that is shown says why, and those that somebody switched
// off stand below.

const net = require('node:net');
const { assert, scenario } = require('./harness.js');

const MANY = 101; // more than are asked for

scenario(async (test) => {
  await test.start();
  const away = net.createServer().listen(0, '127.0.0.1');
  await new Promise((done) => away.once('listening', done));
  const address = `http://127.0.0.1:${away.address().port}/`;
  await new Promise((done) => away.close(done));
  const fail = async (id, status = 502) => assert.strictEqual((await test.ask(`/${id}/`)).status, status);

  for (const id of ['orders', 'invoices', 'billing', 'retired']) await test.mount(id, address);
  await test.api('POST', 'v1/mounts/retired/disable');
  for (const id of ['orders', 'invoices', 'billing']) await fail(id);
  for (let n = 0; n < 9; n += 1) await fail('retired', 503);
  const page = await test.open('#/');
  const attention = page.getByRole('region', { name: 'What needs attention' });
  const rows = attention.getByRole('listitem');
  await attention.getByRole('status').filter({ hasText: /^4 things to look at$/ }).waitFor();
  const last = rows.nth(3);
  await last.getByText('disabled', { exact: true }).waitFor();
  await last.getByText('Switched off, and still asked for. 9 of 9 requests failed').waitFor();
  await last.getByText(/^GET \/retired\/: /).waitFor();

  const ids = Array.from({ length: MANY }, (_, n) => `many-${n}`);
  for (const id of ids) await test.mount(id, address);
  for (const id of ids) await fail(id);
  await page.reload();
  await attention.getByRole('status').filter({ hasText: /^At least 100 things to look at$/ }).waitFor();
  await attention.getByText('12 of at least 100 are shown.').waitFor();
  await rows.filter({ hasText: /GET \/[a-z0-9-]+\/: .*could not be reached/ }).nth(11).waitFor();
  assert.strictEqual(await rows.count(), 12);
  await test.look('overview-many');
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
});
