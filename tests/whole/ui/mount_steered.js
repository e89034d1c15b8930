// A person pauses a mount on its page, sees at once that requests are held, lets
// them go on, and finds the way through its tabs and back.

const { assert, scenario } = require('./harness.js');

scenario(async (test) => {
  await test.start();
  const upstream = await test.upstream();
  await test.mount('orders', upstream);
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
