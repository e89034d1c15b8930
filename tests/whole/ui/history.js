// A person reads what was done to a mount, by whom and why, sees a change of
// somebody else appear, and takes changes back after having seen what that does.

const { assert, scenario, until } = require('./harness.js');

const CHANGES = 24; // more than one page

scenario(async (test) => {
  await test.start();
  const [first, second] = [await test.upstream(), await test.upstream((request, response) => response.end('second\n'))];
  await test.mount('busy', first);
  for (let at = 1; at <= CHANGES; at += 1) await test.mount('busy', first, { labels: { build: String(at) } });
  await test.mount('orders', first);
  await test.mount('orders', first, { labels: { build: '1' } });
  const { token } = await test.api('POST', 'v1/tokens', { name: 'ci' });
  const page = await test.open('#/mounts/busy/history');
  const history = page.getByRole('region', { name: 'History' });
  const entries = history.getByRole('listitem');
  const entry = (at) => entries.nth(at);
  const dialog = page.getByRole('dialog');
  const mount = () => test.api('GET', 'v1/mounts/orders');

  // The newest first, each with what it changed; older ones when asked for.
  await entry(0).getByText(`"${CHANGES}"`).waitFor();
  await entry(0).getByText(`"${CHANGES - 1}"`).waitFor();
  await entry(0).getByText('labels.build').waitFor();
  await entry(0).getByText('by admin').waitFor();
  assert.strictEqual(await entries.count(), 20);
  await history.getByRole('button', { name: 'Older changes' }).click();
  await until('all of them', async () => await entries.count() === CHANGES + 1);
  assert(await history.getByRole('button', { name: 'Older changes' }).isHidden());
  await test.go('#/mounts/orders/history');
  await entry(1).getByRole('heading', { name: 'Created' }).waitFor();
  await entry(1).getByText(`/orders → ${first}`).click();
  await entry(1).getByRole('region', { name: /^The whole mount/ }).waitFor();

  // Somebody else's change appears, with who and why; nothing that is open closes.
  const said = await fetch(new URL('v1/mounts/orders', test.standin.admin), {
    method: 'PATCH', body: JSON.stringify({ address: second, limits: { tunnels_max: 7 }, labels: { build: null } }),
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', 'X-Reason': 'release 12 <b>now</b>' },
  });
  assert.strictEqual(said.status, 200);
  await entry(0).getByText('by ci').waitFor();
  await entry(0).getByText('release 12 <b>now</b>', { exact: true }).waitFor();
  for (const words of [`"${first}"`, `"${second}"`, 'limits.tunnels_max', 'nothing']) await entry(0).getByText(words, { exact: true }).first().waitFor();
  assert.strictEqual(await entries.count(), 3);
  assert(await entry(2).getByRole('region', { name: /^The whole mount/ }).isVisible());
  await test.look('history');
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  await page.setViewportSize({ width: 1440, height: 900 });

  // Undo shows what it does before it is done.
  assert.strictEqual((await test.ask('/orders/x')).text, 'second\n');
  await entry(0).getByRole('button', { name: 'Undo this change' }).click();
  await dialog.getByRole('row').filter({ hasText: 'limits.tunnels_max' }).waitFor();
  await dialog.getByText('No URL changes owner.').waitFor();
  await test.look('history-undo');
  await dialog.getByLabel('Reason').fill('it was too slow');
  await dialog.getByRole('button', { name: 'Restore' }).click();
  await entry(0).getByRole('heading', { name: 'Restored' }).waitFor();
  await entry(0).getByText('it was too slow').waitFor();
  assert.strictEqual((await mount()).address, first);
  assert.match((await test.ask('/orders/x')).text, /hello/);

  // What has become something else meanwhile is not touched.
  await entry(1).getByRole('button', { name: 'Go back to this' }).click();
  await dialog.getByRole('button', { name: 'Restore' }).waitFor();
  await test.mount('orders', first, { labels: { build: 'mine' } });
  await dialog.getByRole('button', { name: 'Restore' }).click();
  await dialog.getByText('Somebody has changed the mount meanwhile.').waitFor();
  await page.keyboard.press('Escape');
  assert.strictEqual((await mount()).labels.build, 'mine');

  // Back to an older one; by keyboard alone.
  await entry(2).getByRole('button', { name: 'Go back to this' }).focus();
  await page.keyboard.press('Enter');
  await dialog.getByRole('button', { name: 'Cancel' }).waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await until('the second upstream', async () => (await mount()).address === second);
  await dialog.waitFor({ state: 'detached' });

  // URLs that change owner are told: back to the path that the mount once had.
  await test.mount('orders', second, { match: { path: '/elsewhere' } });
  await test.mount('all', first, { match: { path: '/' } });
  await entry(0).getByText('match.path').waitFor();
  await entry(0).getByRole('button', { name: 'Undo this change' }).click();
  const moved = dialog.getByRole('list', { name: 'URLs that change owner' });
  await moved.getByText('/orders goes from all to orders.').waitFor();
  await moved.getByText('/elsewhere goes from orders to all.').waitFor();
  await page.keyboard.press('Escape');

  // The history of a mount outlives it, and brings it back.
  await test.api('DELETE', 'v1/mounts/orders');
  await entry(0).getByRole('heading', { name: 'Deleted' }).waitFor();
  await entry(0).getByRole('button', { name: 'Undo this change' }).click();
  await dialog.getByText('The mount is there again, as it was.').waitFor();
  await dialog.getByRole('button', { name: 'Restore' }).click();
  await entry(0).getByRole('heading', { name: 'Restored' }).waitFor();
  assert.strictEqual((await mount()).match.path, '/elsewhere');

  // Who may only read sees it all and takes nothing back.
  const reader = await test.api('POST', 'v1/tokens', { name: 'reader', read_only: true });
  const other = await test.open('#/mounts/orders/history', { token: reader.token });
  await other.getByRole('heading', { name: 'Restored' }).first().waitFor();
  assert.strictEqual(await other.getByRole('button', { name: /^(Undo|Go back)/ }).count(), 0);
});
