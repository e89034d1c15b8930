// A mount that was never there, is deleted meanwhile and comes back, is fixed,
// or is looked at with a token that may only read.

const { assert, scenario } = require('./harness.js');

scenario(async (test) => {
  await test.start('--mount', '/fixed=http://127.0.0.1:9/');
  const upstream = await test.upstream();

  // Never there: it can be made.
  const page = await test.open('#/mounts/orders');
  await page.getByRole('heading', { name: 'There is no mount orders' }).waitFor();
  assert.strictEqual(await page.getByRole('link', { name: 'Create it' }).getAttribute('href'), '#/new?id=orders');
  await test.look('mount-unknown');
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  await test.go('#/mounts/UPPER%20x/edit');
  await page.getByText('Nothing is called UPPER x.').waitFor();

  // All tabs are to be seen on a phone; others there are none.
  await test.go('#/mounts/orders');
  const tabs = page.getByRole('navigation', { name: 'Views of this mount' });
  await tabs.waitFor();
  assert(await tabs.evaluate((node) => node.scrollWidth <= node.clientWidth), 'a tab is cut');
  await test.go('#/mounts/orders/nope');
  await page.getByRole('heading', { level: 1, name: 'There is no such page' }).waitFor();
  await page.getByRole('link', { name: 'orders', exact: true }).click();

  // Made, and deleted by somebody else while it is looked at.
  const flow = page.getByRole('region', { name: 'The way of a request' });
  await test.mount('orders', upstream);
  await flow.waitFor();
  await page.getByRole('link', { name: 'Edit' }).waitFor();
  await test.api('DELETE', 'v1/mounts/orders');
  await page.getByRole('heading', { name: 'This mount was deleted' }).waitFor();
  await page.getByText('deleted', { exact: true }).waitFor();
  assert.strictEqual(await page.locator('.page-head .actions').getByRole('button').or(page.getByRole('link', { name: 'Edit' })).count(), 0);
  await test.look('mount-deleted');
  await test.fits();

  // Its history is there, and once it is back, so is all else.
  await page.getByRole('link', { name: 'History and undo' }).click();
  await page.getByText('There is no such mount now.').waitFor();
  const { revisions } = await test.api('GET', 'v1/mounts/orders/revisions');
  assert.strictEqual(revisions[0].action, 'delete');
  await test.api('POST', `v1/revisions/${revisions[0].revision}/restore?to=before`);
  await page.getByText('There is no such mount now.').waitFor({ state: 'detached' });
  await page.goBack();
  await flow.waitFor();

  // A fixed mount says where it is changed.
  await page.setViewportSize({ width: 1440, height: 900 });
  const { mounts } = await test.api('GET', 'v1/mounts?fields=id,fixed');
  await test.go(`#/mounts/${mounts.find(({ fixed }) => fixed).id}`);
  await page.getByText('This mount comes from the command line or a file, and is changed there.').waitFor();
  assert.strictEqual(await page.getByRole('link', { name: 'Edit' }).count(), 0);
  assert.strictEqual(await page.locator('.page-head .actions').getByRole('button').count(), 0);
  await page.getByRole('link', { name: 'Duplicate' }).waitFor();
  await test.look('mount-fixed');

  // Who may only read sees nothing to press.
  const { token } = await test.api('POST', 'v1/tokens', { name: 'reader', read_only: true });
  const reader = await test.open('#/mounts/orders', { token, width: 390, height: 844 });
  await reader.getByText('All methods. Headers as usual for this kind of mount.').waitFor();
  assert.strictEqual(await reader.locator('.page-head .actions > *').count(), 0);
  await test.fits(reader);

  // A browser whose clock is ten minutes ahead tells times as the server has them.
  await test.mount('timely', upstream, { lease: { ttl_s: 300, on_expiry: 'disable' } });
  await page.clock.setSystemTime(Date.now() + 600_000);
  await test.go('#/mounts/timely', page);
  await page.getByText(/In [45] min .*unless renewed/).waitFor();
});
