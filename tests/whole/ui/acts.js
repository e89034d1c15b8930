// A person pauses, resumes, disables, enables, restarts and deletes a mount
// that has traffic, and takes back what can be taken back.

const { assert, scenario, until } = require('./harness.js');

scenario(async (test) => {
  await test.start();
  const { url: upstream, waiting: slow } = await test.slowUpstream();
  await test.mount('orders', upstream, { labels: { owner: 'shop' } });
  await test.mount('all', upstream, { match: { path: '/' } });
  const page = await test.open('#/mounts/orders');
  const button = (name) => page.getByRole('button', { name, exact: true });
  const press = (name) => button(name).click();
  const dialog = page.getByRole('dialog');
  const toast = (text) => page.locator('.toast').filter({ hasText: text });
  const undo = (text) => toast(text).getByRole('button', { name: 'Undo' }).click();
  const state = (wanted) => until(`orders is ${wanted}`, async () => (await test.api('GET', 'v1/mounts/orders')).state === wanted);
  const last = async () => (await test.api('GET', 'v1/mounts/orders/revisions?limit=1')).revisions[0];
  /** So many requests that the upstream has and does not answer. */
  const begin = async (count) => {
    const asked = Array.from({ length: count }, () => test.ask('/orders/slow').then(({ text }) => text, () => 'cut off'));
    await until('slow requests', () => slow.length === count);
    return asked;
  };

  // Pause: requests are held; resume lets them go.
  await press('Pause');
  await toast('orders is paused').waitFor();
  await state('paused');
  let answered = false;
  const held = test.ask('/orders/held').then((answer) => { answered = true; return answer; });
  await until('a held request', async () => (await test.api('GET', 'v1/mounts/orders')).held === 1);
  assert(!answered);
  await press('Resume');
  assert.strictEqual((await held).status, 200);

  // Each of the two is undone by the other one.
  await undo('orders is resumed');
  await state('paused');
  await press('Resume');
  await state('open');
  await press('Pause');
  await state('paused');
  await undo('orders is paused');
  await state('open');

  // What somebody else did meanwhile is not undone.
  await press('Pause');
  await state('paused');
  await test.api('PATCH', 'v1/mounts/orders', { labels: { by: 'others' } });
  await undo('orders is paused');
  await toast('somebody has changed it since').waitFor();
  await state('paused');
  await press('Resume');
  await state('open');

  // What has begun is not taken back by Escape, and tells how it ended.
  await page.route('**/disable', async (route) => {
    await page.keyboard.press('Escape');
    await route.continue();
  });
  await press('Disable');
  await dialog.getByRole('button', { name: 'Disable' }).click();
  await toast('orders is disabled').waitFor();
  await page.unroute('**/disable');
  await press('Enable');
  await state('open');

  // Disable asks, says what it means, keeps the reason, and what is under way goes on.
  const [first] = await begin(1);
  await press('Disable');
  await dialog.getByText('are refused (503) until the mount is enabled again').waitFor();
  await dialog.getByText('Under way: 1 request. It may finish.').waitFor();
  await test.look('act-disable');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.strictEqual((await test.api('GET', 'v1/mounts/orders')).enabled, true);
  await press('Disable');
  await dialog.getByLabel('Reason').fill('tür');
  await dialog.getByRole('button', { name: 'Disable' }).click();
  await dialog.getByRole('alert').filter({ hasText: 'plain ASCII' }).waitFor();
  await dialog.getByLabel('Reason').fill('release 12');
  await page.keyboard.press('Enter');
  const left = page.getByRole('group', { name: 'What is left of orders' });
  await left.getByText('1 request left').waitFor();
  await left.getByText('May go on until it ends by itself.').waitFor();
  assert.strictEqual((await test.ask('/orders/x')).status, 503);
  assert.deepStrictEqual([(await last()).action, (await last()).why], ['disable', 'release 12']);
  slow.shift()();
  assert.strictEqual(await first, 'begun\nended\n');
  await toast('Nothing of orders as it was is under way any more.').waitFor();
  await left.waitFor({ state: 'detached' });
  await undo('orders is disabled');
  await state('open');
  assert.strictEqual((await test.ask('/orders/x')).status, 200);

  // A pause that disabling ended is back when that is undone.
  await press('Pause');
  await state('paused');
  await press('Disable');
  await dialog.getByRole('button', { name: 'Disable' }).click();
  await state('disabled');
  await undo('orders is disabled');
  await state('paused');
  await press('Resume');
  await state('open');

  // Restart refuses nobody.
  await press('Restart');
  await dialog.getByText('No request to').waitFor();
  await dialog.getByRole('button', { name: 'Restart' }).click();
  await toast('orders was restarted').waitFor();
  assert.strictEqual((await last()).action, 'restart');

  // Delete says who answers then; Undo brings the mount back as it was.
  const before = await test.api('GET', 'v1/mounts/orders');
  await press('Delete');
  await dialog.getByText('are then answered by all.').waitFor();
  await test.look('act-delete');
  await dialog.getByLabel('is cut off at once').check();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await toast('orders is deleted').waitFor();
  assert.strictEqual((await test.api('GET', 'v1/mounts')).total, 1);
  await undo('orders is deleted');
  await toast('orders is as it was').waitFor();
  const after = await test.api('GET', 'v1/mounts/orders');
  assert.deepStrictEqual([after.address, after.labels, after.match], [before.address, before.labels, before.match]);

  // An Undo that fails says why.
  await test.go('#/');
  await test.go('#/mounts/orders');
  await press('Delete');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await toast('orders is deleted').waitFor();
  await test.mount('other', upstream, { match: { path: '/orders' } });
  await undo('orders is deleted');
  await page.locator('.toast[data-tone=bad]').filter({ hasText: 'other' }).waitFor();

  // Who may not change it is offered nothing.
  await test.api('POST', 'v1/tokens', { name: 'reader', read_only: true }).then(({ token }) => test.open('#/mounts/all', { token }));
  await test.page.getByRole('heading', { level: 1, name: 'all' }).waitFor();
  await test.page.getByText('open', { exact: true }).first().waitFor();
  assert.strictEqual(await test.page.getByRole('button', { name: /^(Pause|Disable|Drain|Restart|Delete)$/ }).count(), 0);
});
