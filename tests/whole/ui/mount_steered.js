// A person pauses a mount on its page, sees at once that requests are held, lets
// them go on, sees WebSockets use their budget, and finds the way through its tabs
// and back.

const { once } = require('node:events');
const { WebSocket, WebSocketServer } = require('ws');
const { assert, scenario } = require('./harness.js');

scenario(async (test) => {
  await test.start();
  const upstream = await test.upstream();
  const sockets = new WebSocketServer({ server: test.servers.at(-1) });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  await test.mount('orders', upstream, { limits: { tunnels_max: 2 } });
  const page = await test.open('#/mounts/orders');
  const flow = page.getByRole('region', { name: 'The way of a request' });
  const quietly = (way) => test.ask(way).catch((error) => ({ status: error.message })); // awaited later

  // Paused: requests are held, and the page says so at once.
  await test.go('#/mounts/orders');
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('paused', { exact: true }).waitFor();
  const held = quietly('orders/list');
  await flow.getByText('1 held').waitFor();
  await page.getByText('1 request waits to be let in.').waitFor();
  await page.getByText('It was paused; resume lets its requests go on.').waitFor();
  await test.look('mount-paused');
  assert.strictEqual((await test.api('GET', 'v1/mounts/orders')).state, 'paused');
  await page.getByRole('button', { name: 'Resume' }).click();
  assert.strictEqual((await held).status, 200);
  await page.getByText('paused', { exact: true }).waitFor({ state: 'detached' });

  // WebSockets use the budget of tunnels, until there is no more.
  const connect = () => new WebSocket(new URL('orders/live', test.front.replace('http', 'ws')));
  const used = (n) => page.getByRole('meter', { name: 'Tunnels' }).and(page.locator(`[aria-valuenow="${n}"][aria-valuemax="2"]`)).waitFor();
  const open = [connect(), connect()];
  await Promise.all(open.map((socket) => once(socket, 'open')));
  open[0].send('hello');
  assert.strictEqual(String((await once(open[0], 'message'))[0]), 'hello');
  await used(2);
  await page.getByText('2 of 2 (all)').waitFor();
  await flow.getByText('2 tunnels', { exact: true }).waitFor();
  const [, refusal] = await once(connect(), 'unexpected-response');
  assert.strictEqual(refusal.statusCode, 503);
  refusal.destroy();
  await page.getByText('1 request refused: as many tunnels were open as may be tunnels_max').waitFor();
  open[0].close();
  await used(1);
  await page.getByText('1 of 2', { exact: true }).waitFor();
  open[1].close();
  await used(0);

  // The tabs are links, and Back works; what can be done leads to where it is done.
  const tabs = page.getByRole('navigation', { name: 'Views of this mount' });
  await tabs.getByRole('link', { name: 'Configuration' }).click();
  await page.waitForURL(/#\/mounts\/orders\/config$/);
  assert.strictEqual(await tabs.getByRole('link', { name: 'Configuration' }).getAttribute('aria-current'), 'page');
  await tabs.getByRole('link', { name: 'History' }).click();
  await tabs.getByRole('link', { name: 'Live traffic' }).click();
  await page.waitForURL(/#\/mounts\/orders\/traffic$/);
  for (let n = 0; n < 3; n += 1) await page.goBack();
  await flow.waitFor();
  assert.strictEqual(await page.getByRole('link', { name: 'Edit' }).getAttribute('href'), '#/mounts/orders/edit');
  assert.strictEqual(await page.getByRole('link', { name: 'Duplicate' }).getAttribute('href'), '#/new?from=orders');
});
