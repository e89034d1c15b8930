// A person takes all mounts along as a file, and brings files back: each is
// tried first, what it would do is seen, and only then is it done.

const fs = require('node:fs');
const path = require('node:path');
const { assert, scenario } = require('./harness.js');

scenario(async (test) => {
  await test.start();
  const upstream = await test.upstream();
  await test.mount('orders', upstream, { labels: { team: '<b>shop</b>' }, metadata: { large: 9007199254740993 } });
  await test.mount('people', upstream);
  const page = await test.open('#/transfer');
  await page.getByRole('heading', { level: 1, name: 'Import & export' }).waitFor();
  const make = page.getByRole('button', { name: /^Import/ });
  const dryRun = page.getByRole('region', { name: 'Dry run' });
  const file = (name, text) => {
    const full = path.join(test.directory, name);
    fs.writeFileSync(full, text);
    return full;
  };
  const choose = async (name, text) => {
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByRole('button', { name: 'Choose a file' }).click()]);
    await chooser.setFiles(file(name, text));
  };

  // Out: the bytes of the server, and how many mounts they are.
  const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export all mounts' }).click()]);
  await page.getByText('2 mounts of revision 2, in standin-mounts-2.json.').waitFor();
  const exported = fs.readFileSync(await saved.path(), 'utf8');
  assert.deepStrictEqual(JSON.parse(exported).mounts.map(({ id }) => id), ['orders', 'people']);
  assert(await make.isDisabled());
  await test.look('transfer');
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  await page.setViewportSize({ width: 1440, height: 900 });

  // In again: nothing would be another.
  await choose('same.json', exported);
  await dryRun.getByText('All mounts are so already.').waitFor();
  assert(await make.isDisabled());

  // A changed one: what would be made, changed and moved is seen first, and nothing is done.
  const next = JSON.parse(exported);
  next.mounts[0].match.path = '/o';
  next.mounts[0].labels.team = '<img src=x onerror=alert(1)>';
  next.mounts.push({ id: 'new', kind: 'regular', match: { path: '/orders' }, address: upstream });
  await choose('next.json', JSON.stringify(next, null, 2));
  await dryRun.getByText('1 mount new, 1 changed, 1 as before. Nothing was changed yet.').waitFor();
  await dryRun.getByText('orders', { exact: true }).first().click();
  await dryRun.getByRole('row', { name: 'match.path "/orders" "/o"' }).waitFor();
  await dryRun.getByRole('row', { name: 'labels.team "<b>shop</b>" "<img src=x onerror=alert(1)>"' }).waitFor();
  await dryRun.getByRole('region', { name: 'URLs taken from another mount' }).getByRole('row', { name: '/orders orders new' }).waitFor();
  await dryRun.getByRole('region', { name: 'URLs answered by nobody until now' }).getByRole('row', { name: '/o nobody orders' }).waitFor();
  assert.strictEqual((await test.api('GET', 'v1/mounts')).total, 2);
  assert.strictEqual(await page.locator('main img').count(), 0);
  await test.look('transfer-tried');
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  await page.setViewportSize({ width: 1440, height: 900 });

  // A text that was changed since needs another dry run.
  await page.getByLabel('Text').press('End');
  await page.keyboard.type(' ');
  await page.getByText('A dry run comes first.').waitFor();
  assert(await make.isDisabled());
  await page.getByRole('button', { name: 'Dry run' }).click();
  await dryRun.waitFor();

  // Done, with its reason, and told with the server's revision.
  await page.getByLabel('Reason').fill('moved: ö');
  await make.click();
  await page.getByText('A reason is one line').waitFor();
  await page.getByLabel('Reason').fill('moved by hand');
  await page.getByRole('button', { name: 'Import 2 mounts' }).click();
  const done = page.getByRole('region', { name: 'Imported' });
  await done.getByText('at revision 4.').waitFor();
  assert.strictEqual(await dryRun.count(), 0);
  assert.strictEqual((await test.api('GET', 'v1/mounts')).total, 3);
  assert.strictEqual((await test.api('GET', 'v1/revisions?limit=1')).revisions[0].why, 'moved by hand');
  assert.strictEqual((await test.ask('/o/1')).text, 'hello from /1\n');
  await test.look('transfer-done');
  await done.getByRole('link', { name: 'orders' }).click();
  await page.waitForURL(/#\/mounts\/orders$/);
  await page.goBack();

  // A file that was changed on the disk after its dry run is not imported.
  await choose('later.json', JSON.stringify({ mounts: [{ id: 'later', kind: 'regular', match: { path: '/later' }, address: upstream }] }));
  await page.getByRole('button', { name: 'Import 1 mount' }).waitFor();
  file('later.json', '{"mounts": []}   and more than there was');
  await make.click();
  await page.getByText('The file was changed after the dry run.').waitFor();
  assert.strictEqual((await test.api('GET', 'v1/mounts')).total, 3);

  // Errors stand beside their lines, and lead to them.
  const faults = page.getByRole('region', { name: 'Errors' });
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.getByLabel('Text').fill('{"mounts": [\n  {"id": "a", "kind": "regular",\n   "address": "ftp://h/"},\n  {"id": "b", "kind": "odd"}\n]}');
  await page.getByRole('button', { name: 'Dry run' }).click();
  await faults.getByRole('row', { name: /Show line 3.*a.*\/mounts\/0\/address.*ftp/s }).waitFor();
  await faults.getByRole('row', { name: /Show line 4.*\/mounts\/1\/kind/s }).waitFor();
  await faults.getByRole('button', { name: 'Show line 3' }).first().click();
  assert.strictEqual(await page.evaluate(() => document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)), '   "address": "ftp://h/"},');
  assert(await make.isDisabled());
  await test.look('transfer-faults');

  // A conflict says which mount of the file it is, and leads to the one that is there.
  await page.getByLabel('Text').fill(`{"mounts": [\n  {"id": "a", "kind": "regular", "match": {"path": "/a"}, "address": "${upstream}"},\n  {"id": "b", "kind": "regular",\n   "match": {"path": "/people"}, "address": "${upstream}"}\n]}`);
  await page.getByRole('button', { name: 'Dry run' }).click();
  await faults.getByRole('row', { name: /Show line 4.*It would answer for \/people, as people does.*Mount b/s }).waitFor();
  assert.strictEqual(await page.getByRole('link', { name: 'See people' }).getAttribute('href'), '#/mounts/people');
  await test.look('transfer-conflict');
  await page.getByLabel('Text').fill('{"mounts": [\n{"id": "a",,}]}');
  await page.getByRole('button', { name: 'Dry run' }).click();
  await faults.getByRole('row', { name: /Show line 2/ }).waitFor();
});
