// A person goes to the end of a very long table, opens a mount there, and comes
// back to the same place.

const { assert, scenario, until } = require('./harness.js');

const MOUNTS = 8000; // the server takes a while for each, where it is a debug build
const AT_ONCE = 4000;
const ROW_PX = 52;

scenario(async (test) => {
  await test.start();
  const upstream = await test.upstream();
  const id = (index) => `app-${String(index).padStart(5, '0')}`;
  const made = (index) => ({ id: id(index), kind: 'regular', address: upstream, match: { path: `/${id(index)}` } });
  for (let from = 0; from < MOUNTS; from += AT_ONCE) {
    await test.api('POST', 'v1/import', { mounts: Array.from({ length: AT_ONCE }, (_, at) => made(from + at)) });
  }
  const page = await test.open('#/mounts', { height: 640 });
  const grid = page.getByRole('grid', { name: 'Mounts' });
  const row = (index) => grid.getByRole('row', { name: id(index) });
  const top = () => page.evaluate(() => Math.round(scrollY));
  const progress = page.getByText(/^Loading rows up to [\d,]+ of 8,000$/);
  let longPages = 0;
  page.on('request', (request) => { if (/\/v1\/mounts\?.*limit=1000\b/.test(request.url())) longPages += 1; });
  await row(0).waitFor();

  // The scrollbar tells how long the table is, though only its first page has come.
  const height = () => page.evaluate(() => document.documentElement.scrollHeight);
  const whole = await height();
  assert(whole > MOUNTS * ROW_PX, `${whole} px`);

  // On the way to the middle what goes on is said; who turns back ends it.
  await page.route('**/v1/mounts?*limit=1000*', async (route) => {
    await until('leave to go on', () => held === 0 || longPages < held);
    await route.continue().catch(() => {});
  });
  let held = 2;
  await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight / 2));
  await progress.waitFor();
  await grid.getByRole('row', { name: '…' }).first().waitFor();
  await test.look('mounts-far');
  await page.evaluate(() => window.scrollTo(0, 0));
  await progress.waitFor({ state: 'hidden' });
  held = 0;
  await row(0).getByText(id(0), { exact: true }).waitFor();
  await until('what was on its way', async () => await page.evaluate(() => scrollY) === 0);
  assert(longPages < 4, `${longPages} pages`);

  // To the end, as with the scrollbar.
  await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
  await row(MOUNTS - 1).waitFor();
  assert(Math.abs(await height() - whole) < 100, `${await height()} px, and it was ${whole}`);
  assert.strictEqual(await row(MOUNTS - 1).getAttribute('aria-rowindex'), String(MOUNTS + 1));
  await progress.waitFor({ state: 'hidden' });

  // Back from a mount there comes to the same rows; its numbers are those of now.
  const before = await top();
  await row(MOUNTS - 3).getByRole('link').click();
  await page.getByRole('heading', { level: 1, name: id(MOUNTS - 3) }).waitFor();
  await test.api('POST', `v1/mounts/${id(MOUNTS - 2)}/pause`);
  await page.goBack();
  await row(MOUNTS - 3).waitFor();
  assert.strictEqual(await top(), before);
  assert.strictEqual(await page.evaluate(() => document.activeElement.getAttribute('aria-rowindex')), String(MOUNTS - 1));
  await row(MOUNTS - 2).getByText('paused', { exact: true }).waitFor();
  assert.strictEqual(await top(), before);

  // A link begins anew; End goes to the very last row, loading it, and the focus stays on it.
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await page.getByRole('link', { name: 'Mounts', exact: true }).click();
  await row(0).waitFor();
  assert.strictEqual(await top(), 0);
  assert.strictEqual(await row(MOUNTS - 3).count(), 0);
  await row(0).focus();
  await page.keyboard.press('End');
  await page.waitForFunction((last) => document.activeElement.getAttribute('aria-rowindex') === last, String(MOUNTS + 1));
  await row(MOUNTS - 1).waitFor();
  assert.strictEqual(await page.evaluate(() => document.activeElement.getAttribute('aria-rowindex')), String(MOUNTS + 1));
  await page.keyboard.press('Control+Home');
  await row(0).waitFor();
});
