// A person follows what happens to the mounts: looked up, told from there on
// without gap or double, filtered, paused, opened and undone.

const { assert, scenario, until } = require('./harness.js');

scenario(async (test) => {
  const { token } = await test.start();
  const upstream = await test.upstream();
  const hostile = '<b onmouseover=alert(1)>';
  // More than the first page shows, and what a revision says besides.
  const many = Array.from({ length: 60 }, (_, at) => ({ id: `old-${at + 1}`, kind: 'regular', match: { path: `/old-${at + 1}` }, address: upstream }));
  await test.api('POST', 'v1/import', { mounts: many });
  const put = await fetch(new URL('v1/mounts/orders', test.standin.admin), {
    method: 'PUT', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', 'X-Reason': hostile },
    body: JSON.stringify({ kind: 'regular', match: { path: '/orders' }, address: upstream }),
  });
  assert.strictEqual(put.status, 201);
  await test.mount('orders', upstream, { limits: { tunnels_max: 7 } });
  await test.api('POST', 'v1/tokens', { name: 'reader', read_only: true }).then((made) => { test.reader = made.token; });

  const page = await test.open('#/events');
  const events = page.getByRole('list', { name: 'Events, newest first' }).getByRole('listitem');
  const state = (word) => page.locator('.live-events').getByRole('status').filter({ hasText: word }).waitFor();
  const first = () => events.first().innerText();

  // The last fifty, and older ones.
  await state('Live');
  await events.nth(49).waitFor();
  assert.strictEqual(await events.count(), 50);
  assert.match(await first(), /changed[^]*orders: limits.tunnels_max by admin[^]*#62/);
  await page.getByText('Looked up back to revision 13.').waitFor();
  await page.getByText(hostile).waitFor();
  await page.getByRole('button', { name: 'Older' }).click();
  await page.getByText('That is the whole history.').waitFor();
  assert.strictEqual(await events.count(), 62);

  // Live: a change, the state it brings, and none of them twice.
  await test.api('POST', 'v1/mounts/orders/pause');
  await events.filter({ hasText: '#63' }).waitFor();
  await events.filter({ hasText: 'it was paused; resume lets its requests go on' }).waitFor();
  assert.strictEqual(await events.count(), 64);
  assert.strictEqual(await events.first().getByRole('link', { name: 'orders' }).getAttribute('href'), '#/mounts/orders');

  // A revision opened: what it changed, readable.
  await page.getByRole('button', { name: 'What revision 62 changed' }).click();
  const table = page.getByRole('region', { name: 'What revision 62 changed, member by member' });
  assert.deepStrictEqual(await table.getByRole('row').allInnerTexts(), ['Member\tBefore\tAfter', 'limits.tunnels_max\t256\t7']);
  await page.getByRole('button', { name: 'What revision 63 changed' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('region', { name: 'What revision 63 changed, member by member' }).waitFor();
  await page.getByRole('searchbox', { name: 'Search' }).fill('orders');
  await page.getByText('4 events shown.').waitFor();
  await test.look('events-open');
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  await page.setViewportSize({ width: 1440, height: 900 });

  // Undone, after it was shown what that does; the feed tells of it too.
  await page.getByRole('button', { name: 'Undo this and all since, revision 62' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('cell', { name: '7' }).waitFor();
  await test.look('events-undo');
  assert.strictEqual((await test.api('GET', 'v1/mounts/orders')).limits.tunnels_max, 7);
  await dialog.getByRole('button', { name: 'Restore' }).click();
  await events.filter({ hasText: '#64' }).filter({ hasText: 'restored' }).waitFor();
  const undone = await test.api('GET', 'v1/mounts/orders');
  assert.deepStrictEqual([undone.limits.tunnels_max, undone.state], [256, 'open']);

  await page.getByRole('searchbox', { name: 'Search' }).fill('');
  await events.nth(50).waitFor();

  // Paused: what happens is counted, and shown afterwards.
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await state('Paused');
  const before = await events.count();
  await test.api('DELETE', 'v1/mounts/old-1');
  await page.getByText('came since it was paused.').waitFor();
  assert.strictEqual(await events.count(), before);
  await page.getByRole('button', { name: 'Resume' }).click();
  await events.filter({ hasText: 'deleted' }).filter({ hasText: 'old-1' }).waitFor();

  // Filters, kept in the address: one kind is looked for as far back as it takes.
  await page.getByLabel('Kind').selectOption('states');
  await page.waitForURL(/#\/events\?kind=states$/);
  await state('Live');
  await events.filter({ hasText: 'paused' }).first().waitFor();
  assert.strictEqual(await events.filter({ hasText: '#' }).count(), 0);
  await page.getByLabel('Kind').selectOption('changes');
  await page.getByLabel('Mount').fill('orders');
  await page.waitForURL(/#\/events\?kind=changes&mount=orders$/);
  await page.getByText('4 events shown.').waitFor();
  await page.reload();
  await page.getByText('4 events shown.').waitFor();
  assert.strictEqual(await page.getByLabel('Mount').inputValue(), 'orders');
  await test.api('POST', 'v1/mounts/old-2/disable');
  await test.api('POST', 'v1/mounts/orders/disable');
  await page.getByText('5 events shown.').waitFor();
  await page.getByRole('searchbox', { name: 'Search' }).fill('onmouseover');
  await page.getByText('1 event shown.').waitFor();
  await page.getByLabel('Mount').fill('');
  await page.getByRole('searchbox', { name: 'Search' }).fill('');
  await page.getByLabel('Who').fill('nobody');
  await page.getByText('Nothing that happened meets the filters.').waitFor();
  await test.look('events-none');
  await test.go('#/events');
  await state('Live');
  await test.api('POST', 'v1/mounts/orders/enable');
  await events.filter({ hasText: 'enabled' }).first().waitFor();

  // Who may only read is offered nothing that would fail.
  const reading = await test.open('#/events', { token: test.reader });
  await reading.getByRole('button', { name: 'What revision 62 changed' }).click();
  await reading.getByRole('region', { name: 'What revision 62 changed, member by member' }).waitFor();
  assert.strictEqual(await reading.getByRole('button', { name: /Undo/ }).count(), 0);
  await reading.context().close();
  test.page = page;

  // Lost before any event was told, and back by itself, with what was changed meanwhile.
  await page.reload();
  await state('Live');
  test.offline = true;
  await page.route('**/v1/events*', (route) => route.abort());
  await test.standin.stop();
  await state('Lost');
  await test.startAgain();
  await test.api('DELETE', 'v1/mounts/old-3');
  await page.unroute('**/v1/events*');
  await state('Live');
  await events.filter({ hasText: 'deleted' }).filter({ hasText: 'old-3' }).waitFor();
  await events.filter({ hasText: 'Connected again.' }).waitFor();
  const numbers = (await events.getByRole('button', { name: /^What revision/ }).allTextContents()).map((text) => Number(text.slice(1)));
  numbers.forEach((number, at) => assert(at === 0 || number === numbers[at - 1] - 1, `${number} after ${numbers[at - 1]}`));

  // Away for longer than the journal keeps, which is 10 000 revisions: told, and begun anew by hand.
  await page.route('**/v1/events*', (route) => route.fulfill({
    status: 410, contentType: 'application/problem+json',
    body: JSON.stringify({ type: 'about:blank', title: 'Gone', status: 410, detail: 'the journal begins with revision 90' }),
  }));
  await test.standin.stop();
  await test.startAgain();
  await page.getByRole('alert').filter({ hasText: 'the journal begins with revision 90' }).waitFor();
  await state('Ended');
  await test.api('DELETE', 'v1/mounts/old-4');
  await page.unroute('**/v1/events*');
  await page.getByRole('button', { name: 'Load anew' }).click();
  await state('Live');
  await events.filter({ hasText: 'deleted' }).filter({ hasText: 'old-4' }).waitFor();
  await until('one stream of events is open', async () => (await test.api('GET', 'v1/stats')).event_streams.open === 1);
});
