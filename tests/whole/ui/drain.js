// A person drains a mount that has slow requests: what is left ticks down,
// also while one is elsewhere, and can be cut off.

const { assert, scenario, until } = require('./harness.js');

scenario(async (test) => {
  await test.start();
  const { url: upstream, waiting: slow } = await test.slowUpstream();
  await test.mount('orders', upstream);
  const page = await test.open('#/mounts/orders');
  const button = (name) => page.getByRole('button', { name, exact: true });
  const press = (name) => button(name).click();
  const dialog = page.getByRole('dialog');
  const toast = (text) => page.locator('.toast').filter({ hasText: text });
  const state = (wanted) => until(`orders is ${wanted}`, async () => (await test.api('GET', 'v1/mounts/orders')).state === wanted);
  /** So many requests that the upstream has and does not answer. */
  const begin = async (count) => {
    const asked = Array.from({ length: count }, () => test.ask('/orders/slow').then(({ text }) => text, () => 'cut off'));
    await until('slow requests', () => slow.length === count);
    return asked;
  };

  const left = page.getByRole('group', { name: 'What is left of orders' });

  const rest = await begin(3);
  await press('Drain');
  await dialog.getByText('Under way: 3 requests.').waitFor();
  await dialog.getByLabel('Seconds').fill('soon');
  await dialog.getByRole('button', { name: 'Drain' }).click();
  await dialog.getByRole('alert').filter({ hasText: 'how many seconds' }).waitFor();
  await dialog.getByLabel('Seconds').fill('600');
  await test.look('act-drain');
  await dialog.getByRole('button', { name: 'Drain' }).click();
  await left.getByText('3 requests left').waitFor();
  await left.getByText(/^Cut off in (10|9) min/).waitFor();
  await test.look('operation');
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.getByText(/^New requests are refused; those on their way are cut off in (10|9) min/).waitFor();
  assert.strictEqual(await page.getByText('may finish').count(), 0);
  assert.strictEqual(await left.count(), 1);
  slow.shift()();
  await left.getByText('2 requests left').waitFor();

  // It goes along where one goes.
  await test.go('#/events');
  await left.getByText('2 requests left').waitFor();
  await test.go('#/mounts/orders');
  await page.getByText('those on their way are cut off in').waitFor();
  assert.strictEqual(await left.count(), 1);

  // Whoever opens the page sees the same, and so does one who reloads it.
  const { token } = await test.api('POST', 'v1/tokens', { name: 'reader', read_only: true });
  const reader = await test.open('#/mounts/orders', { token, width: 390, height: 844 });
  const theirs = reader.getByRole('group', { name: 'What is left of orders' });
  await theirs.getByText('2 requests left').waitFor();
  await theirs.getByText(/^Cut off in (10|9) min/).waitFor();
  assert.strictEqual(await theirs.getByRole('button').count(), 0);
  await test.fits(reader);
  await test.go('#/mounts/orders/history', reader);
  await theirs.getByText('2 requests left').waitFor();
  await test.go('#/events', reader);
  await theirs.waitFor({ state: 'detached' });
  await reader.close();
  test.page = page;
  // The page does not wait for that; and what was lost on the way is looked for again.
  test.offline = true;
  let losses = 0;
  const answered = page.getByRole('region', { name: 'The way of a request' });
  await page.route('**/v1/operations/*', async (route) => {
    losses += 1;
    if (losses > 1) return route.fallback();
    await answered.waitFor();
    await route.abort();
  });
  await page.reload();
  await left.getByText('2 requests left').waitFor();
  await page.unroute('**/v1/operations/*');
  await left.getByText(/^Cut off in (10|9) min/).waitFor();
  await page.getByText(/those on their way are cut off in (10|9) min/).waitFor();
  assert.strictEqual(await left.count(), 1);
  slow.shift()();
  await left.getByText('1 request left').waitFor();

  // What is left can be cut off.
  await left.getByRole('button', { name: 'Cut off now' }).click();
  await dialog.getByText('Under way: 1 request.').waitFor();
  await dialog.getByRole('button', { name: 'Cut off now' }).click();
  await toast('What was left of orders was cut off.').waitFor();
  slow.length = 0;
  assert.deepStrictEqual((await Promise.all(rest)).sort(), ['begun\nended\n', 'begun\nended\n', 'cut off']);
  await test.go('#/mounts/orders');
  await press('Enable');
  await state('open');
  await test.ask('/orders/x').then(({ status }) => assert.strictEqual(status, 200));
});
