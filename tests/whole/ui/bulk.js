// A person does one thing with many mounts: selects rows, ranges and all that
// match, is asked, sees it go on, stops it, and is told what failed and why.

const { assert, scenario, until } = require('./harness.js');

const MOUNTS = 130;

scenario(async (test) => {
  await test.start();
  const upstream = await test.upstream();
  const id = (index) => `app-${String(index).padStart(3, '0')}`;
  await test.api('POST', 'v1/import', {
    mounts: Array.from({ length: MOUNTS }, (_, index) => ({
      id: id(index), kind: 'regular', address: upstream, match: { path: `/${id(index)}` }, labels: { owner: index < 10 ? 'ci' : 'shop' },
    })),
  });
  const states = async (state) => (await test.api('GET', `v1/mounts?state=${state}&limit=1000&fields=id`)).mounts.map((mount) => mount.id);

  const page = await test.open('#/mounts', { height: 640 });
  const grid = page.getByRole('grid', { name: 'Mounts' });
  const row = (index) => grid.getByRole('row', { name: id(index) });
  const box = (index) => grid.getByRole('checkbox', { name: `Select ${id(index)}`, exact: true });
  const bar = page.getByRole('region', { name: 'Selected mounts' });
  const dialog = page.getByRole('dialog');
  const chosen = (text) => bar.getByText(text, { exact: true }).waitFor();

  // What is selected is not meant any more under other filters.
  await box(1).click();
  await chosen('1 selected');
  await page.getByRole('checkbox', { name: 'paused', exact: true }).check();
  await bar.waitFor({ state: 'hidden' });
  await page.getByRole('checkbox', { name: 'paused', exact: true }).uncheck();
  await box(1).waitFor();

  // A range, paused with a reason.
  await box(1).click();
  await box(4).click({ modifiers: ['Shift'] });
  await chosen('4 selected');
  assert.strictEqual(await row(2).getAttribute('aria-selected'), 'true');
  await bar.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('dialog', { name: 'Pause 4 mounts?' }).waitFor();
  await dialog.getByText(id(3)).waitFor();
  await dialog.getByLabel('Reason').fill('release 12');
  await test.look('bulk-question');
  await dialog.getByRole('button', { name: 'Pause 4 mounts' }).click();
  await page.getByText('4 mounts paused.', { exact: true }).waitFor();
  assert.deepStrictEqual(await states('paused'), [1, 2, 3, 4].map(id));
  assert.strictEqual((await test.api('GET', `v1/mounts/${id(2)}/revisions`)).revisions[0].why, 'release 12');
  await bar.waitFor({ state: 'hidden' });
  await row(4).getByText('paused', { exact: true }).waitFor();

  // By keys: space selects, shift and space a range; cancelled, nothing is done.
  await row(1).focus();
  await page.keyboard.press('Space');
  for (const key of ['ArrowDown', 'ArrowDown']) await page.keyboard.press(key);
  await page.keyboard.press('Shift+Space');
  await chosen('3 selected');
  await bar.getByRole('button', { name: 'Resume' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Resume 3 mounts?' }).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.strictEqual((await states('paused')).length, 4);

  // Those in whose state it means nothing are left out, and that is said before.
  await test.api('POST', `v1/mounts/${id(5)}/disable`);
  await row(5).getByText('disabled', { exact: true }).waitFor();
  await box(5).click();
  await box(6).click();
  await bar.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('dialog', { name: 'Pause 1 mount?' }).getByText('4 mounts are left out').waitFor();
  await dialog.getByText('3 are paused, 1 is disabled').waitFor();
  await test.look('bulk-left-out');
  await page.keyboard.press('Escape');
  await box(6).click();
  for (const index of [1, 2, 3]) await box(index).click();
  await bar.getByRole('button', { name: 'Pause' }).click();
  await dialog.getByText('1 mount is left out').waitFor();
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
  await box(5).click();
  await test.api('POST', `v1/mounts/${id(5)}/enable`);
  await row(5).getByText('open', { exact: true }).waitFor();
  await box(1).click();
  await box(3).click({ modifiers: ['Shift'] });
  await chosen('3 selected');

  // One that is gone meanwhile is marked where it stands, and fails with its name and why.
  await test.api('DELETE', `v1/mounts/${id(2)}`);
  await row(2).getByText('deleted').waitFor();
  await page.getByText('The list has changed.').waitFor({ state: 'visible' });
  await bar.getByRole('button', { name: 'Resume' }).click();
  await dialog.getByRole('button', { name: 'Resume 3 mounts' }).click();
  await dialog.getByRole('heading', { name: '1 mount failed' }).waitFor();
  await dialog.getByRole('row', { name: id(2) }).waitFor();
  await test.look('bulk-failed');
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
  assert.deepStrictEqual(await states('paused'), [id(4)]);
  await row(2).waitFor({ state: 'detached' });

  // All that match, four at a time, stopped after some: those are done, the others still selected.
  await page.getByRole('searchbox', { name: 'Search' }).fill('owner=shop');
  await page.getByText('120 mounts match').waitFor();
  await grid.getByRole('checkbox', { name: 'Select all rows loaded so far' }).check();
  await bar.getByRole('button', { name: 'Select all 120 that match' }).click();
  await chosen('120 selected');
  const waiting = [];
  await page.route('**/disable', (route) => { waiting.push(route); });
  await bar.getByRole('button', { name: 'Disable' }).click();
  await dialog.getByText('and 115 more').waitFor();
  await dialog.getByRole('button', { name: 'Disable 120 mounts' }).click();
  await until('four on their way', () => waiting.length === 4);
  await page.evaluate(() => new Promise(requestAnimationFrame));
  assert.strictEqual(waiting.length, 4);
  for (const route of waiting.splice(0)) await route.continue();
  await dialog.getByText('4 of 120 mounts disabled.').waitFor();
  await until('four more', () => waiting.length === 4);
  await dialog.getByRole('button', { name: 'Stop' }).click();
  for (const route of waiting.splice(0)) await route.continue();
  await dialog.getByText('8 mounts disabled. Stopped before 112 more.').waitFor();
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
  assert.strictEqual((await states('disabled')).length, 8);
  await chosen('112 selected');
  await page.unroute('**/disable');
  await bar.getByRole('button', { name: 'Delete' }).click();
  await dialog.getByRole('button', { name: 'Delete 112 mounts' }).click();
  await page.getByText('112 mounts deleted.', { exact: true }).waitFor();
  await page.getByText('8 mounts match').waitFor();
  await bar.waitFor({ state: 'hidden' });

  // One row's menu.
  const search = page.getByRole('searchbox', { name: 'Search' });
  await search.fill(id(4));
  await page.getByText('1 mount matches').waitFor();
  await grid.getByRole('button', { name: `Actions for ${id(4)}` }).click();
  await page.getByRole('menu', { name: `Actions for ${id(4)}` }).waitFor();
  await test.look('row-menu');
  await page.keyboard.press('Escape');
  await page.getByRole('menu').waitFor({ state: 'hidden' });
  await grid.getByRole('button', { name: `Actions for ${id(4)}` }).press('Enter');
  await page.getByRole('menuitem', { name: 'Edit' }).waitFor();
  await page.getByRole('menuitem', { name: 'Resume' }).press('Enter');
  await row(4).getByText('open', { exact: true }).waitFor();
  assert.deepStrictEqual(await states('paused'), []);

  // On a phone.
  await page.setViewportSize({ width: 390, height: 844 });
  await box(4).click();
  await chosen('1 selected');
  await test.fits();
  await test.look('bulk-phone');
  await bar.getByRole('button', { name: 'Clear selection' }).click();

  // What a token may not change cannot be selected; one that may only read has nothing to select.
  const ci = await test.api('POST', 'v1/tokens', { name: 'ci', owner: 'ci' });
  const theirs = await test.open('#/mounts', { token: ci.token });
  const last = theirs.getByRole('row', { name: id(12) });
  await last.waitFor();
  assert(await last.getByRole('checkbox').isDisabled());
  assert.strictEqual(await last.getByRole('button').count(), 0);
  await theirs.getByRole('checkbox', { name: 'Select all rows loaded so far' }).check();
  await theirs.getByText('9 selected').waitFor();
  await theirs.getByRole('button', { name: 'Select all 17 that match' }).click();
  await theirs.getByText('8 mounts cannot be changed with your token and are left out.').waitFor();
  await theirs.getByText('9 selected').waitFor();
  const reader = await test.api('POST', 'v1/tokens', { name: 'reader', read_only: true });
  const read = await test.open('#/mounts', { token: reader.token });
  await read.getByRole('row', { name: id(4) }).waitFor();
  assert.strictEqual(await read.getByRole('grid').getByRole('checkbox').count(), 0);
  assert.strictEqual(await read.getByRole('grid').getByRole('button', { name: 'Actions' }).count(), 0);
});
