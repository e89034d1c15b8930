// A person brings files of other kinds: one of Paste Deploy, with notes on its
// lines, and one of very many mounts.

const fs = require('node:fs');
const path = require('node:path');
const { assert, scenario } = require('./harness.js');

const PASTE = `[composite:main]
use = egg:Paste#urlmap
/a = a
/b = b

[app:a]
use = egg:Paste#proxy
address = UPSTREAM

[app:b]
use = egg:Paste#static
document_root = /srv
`;

scenario(async (test) => {
  await test.start();
  const upstream = await test.upstream();
  const page = await test.open('#/transfer');
  const dryRun = page.getByRole('region', { name: 'Dry run' });
  const faults = page.getByRole('region', { name: 'Errors' });
  const done = page.getByRole('region', { name: 'Imported' });

  // A Paste file, dropped: known by its name, its error by its line, then its notes.
  const drop = async (name, text) => {
    const data = await page.evaluateHandle(([called, content]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([content], called));
      return transfer;
    }, [name, text]);
    for (const event of ['dragover', 'drop']) await page.locator('.drop').dispatchEvent(event, { dataTransfer: data });
  };
  const paste = PASTE.replace('UPSTREAM', upstream);
  await drop('proxy.ini', paste);
  assert(await page.getByLabel('Paste Deploy (INI)').isChecked());
  await faults.getByRole('row', { name: /Show line 10.*'b' \(egg:paste#static\) is not a proxy/s }).waitFor();
  // Its line is shown also where lines end as in Windows.
  await drop('windows.ini', paste.replaceAll('\n', '\r\n'));
  await page.getByText('windows.ini', { exact: true }).waitFor();
  await faults.getByRole('button', { name: 'Show line 10' }).click();
  const chosen = await page.getByLabel('Text').evaluate((area) => area.value.slice(area.selectionStart, area.selectionEnd));
  assert.strictEqual(chosen, paste.split('\n')[9]);
  await page.getByLabel('Text').fill(paste.replace('#static', '#proxy').replace('document_root = /srv', `address = ${upstream}base\n[filter:unused]\nuse = egg:Paste#gzip`));
  assert(await page.getByLabel('Paste Deploy (INI)').isChecked());
  await page.getByText('Found by the content.').waitFor();
  await page.getByRole('button', { name: 'Dry run' }).click();
  const notes = dryRun.getByRole('region', { name: 'Notes on the file' });
  await notes.getByRole('row', { name: /Show line 1[0-9] warning/ }).waitFor();
  await notes.getByRole('row', { name: /all fixed content that comes/ }).waitFor();
  await test.look('transfer-paste');
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.getByRole('button', { name: 'Import 2 mounts' }).click();
  await done.getByText('2 mounts new').waitFor();
  assert.strictEqual((await test.ask('/b/x')).text, 'hello from /base/x\n');
  await page.getByLabel('JSON, as an export has it').check();
  await page.getByRole('button', { name: 'Dry run' }).click();
  await page.getByText('malformed JSON').first().waitFor();

  // Many mounts: the page answers all the while, and shows the first of them.
  const many = Array.from({ length: 5000 }, (_, at) => ({ id: `many-${at}`, kind: 'regular', match: { path: `/many/${at}` }, address: upstream }));
  await page.evaluate(() => {
    window.longest = 0;
    new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => { window.longest = Math.max(window.longest, duration); })).observe({ type: 'longtask' });
  });
  const file = path.join(test.directory, 'many.json');
  fs.writeFileSync(file, JSON.stringify({ mounts: many }));
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByRole('button', { name: 'Choose a file' }).click()]);
  await chooser.setFiles(file);
  await page.getByText('It is too long to be shown here.').waitFor();
  await dryRun.getByText('5,000 mounts new.').waitFor({ timeout: 30_000 });
  await dryRun.getByText('These are the first 100 of 5,000 mounts.').waitFor();
  assert.strictEqual(await dryRun.locator('details').count(), 100);
  const longest = await page.evaluate(() => window.longest);
  assert(longest < 2000, `the page stood still for ${longest} ms`);
  await page.getByRole('button', { name: 'Import 5,000 mounts' }).waitFor();

  // Who may only read exports, and is not offered an import.
  const { token } = await test.api('POST', 'v1/tokens', { name: 'reader', read_only: true });
  const other = await test.open('#/transfer', { token });
  await other.getByText('Your token may only read, so it cannot import.').waitFor();
  assert.strictEqual(await other.getByRole('button', { name: 'Dry run' }).count(), 0);
});
