// A person goes through many mounts by scrolling and by keys, sees their numbers
// move, and is told when the list is another one.

const http = require('node:http');
const { assert, scenario, until } = require('./harness.js');

const MOUNTS = 350;
const SAMPLE_MS = 12_000;

scenario(async (test) => {
  await test.start();
  const upstream = await test.upstream((request, response) => {
    response.statusCode = request.url.includes('fail') ? 500 : 200;
    response.end('hello');
  });
  const page = await test.open('#/mounts', { height: 640 });
  const since = Date.now();
  let samples = 1; // when it was opened
  page.on('request', (request) => { if (request.url().endsWith('/v1/stats')) samples += 1; });
  const grid = page.getByRole('grid', { name: 'Mounts' });
  const row = (id) => grid.getByRole('row', { name: id });
  const total = (text) => page.getByText(text, { exact: true }).waitFor();

  // Nothing is there, and what to do is said.
  await page.getByRole('heading', { name: 'No mounts yet' }).waitFor();
  await page.getByRole('region', { name: 'Command' }).getByText(`--server ${test.standin.admin.replace(/\/$/, '')}`).waitFor();

  // What is made elsewhere comes by itself.
  const mounts = Array.from({ length: MOUNTS }, (_, index) => {
    const number = String(index).padStart(3, '0');
    return {
      id: `app-${number}`, kind: 'regular', address: upstream, match: { path: `/app/${number}`, ...(index % 9 === 0 ? { host: 'shop.example.org' } : {}) },
      labels: { team: `team-${index % 3}` }, limits: { concurrent_requests_max: index === 2 ? 7 : 256 },
    };
  });
  await test.api('POST', 'v1/import', { mounts });
  await total(`${MOUNTS} mounts`);
  await row('app-000').waitFor();
  assert.strictEqual(await grid.getAttribute('aria-rowcount'), String(MOUNTS + 1));
  await row('app-001').getByText('team=team-1', { exact: true }).waitFor();

  // Numbers move, and only what is in view is asked for.
  for (let at = 0; at < 6; at += 1) await test.ask('/app/001/x');
  for (let at = 0; at < 3; at += 1) await test.ask('/app/002/fail');
  await test.api('POST', 'v1/mounts/app-003/pause');
  const held = http.get(new URL('/app/003/', test.front)).on('error', () => {});
  const live = page.waitForRequest((request) => request.url().includes('/v1/mounts?id='));
  await row('app-002').getByText('100%').waitFor();
  await row('app-002').getByText('0 / 7').waitFor();
  await row('app-001').locator('.of-requests').getByText('6', { exact: true }).waitFor();
  await row('app-003').getByText('paused', { exact: true }).waitFor();
  await row('app-003').getByText('1 held').waitFor();
  const asked = new URL((await live).url()).searchParams.get('id').split(',');
  assert(asked.includes('app-000') && asked.length < 20, asked.join());
  await test.look('mounts');

  // Only rows in view are in the page; the others come while one scrolls.
  const inPage = () => grid.getByRole('row').count();
  assert(await inPage() < 60, `${await inPage()} rows`);
  await page.mouse.move(700, 500);
  await until('the last row', async () => {
    await page.mouse.wheel(0, 3000);
    return row('app-349').isVisible();
  });
  assert(await inPage() < 60, `${await inPage()} rows`);
  assert.strictEqual(await row('app-349').getAttribute('aria-rowindex'), String(MOUNTS + 1));

  // Away from the top nothing moves by itself; that there is more is said.
  await test.mount('another', upstream);
  await page.getByText('The list has changed.').waitFor();
  assert(await row('app-349').isVisible());
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await row('another').waitFor();
  await total(`${MOUNTS + 1} mounts`);
  await test.api('DELETE', 'v1/mounts/another');
  await total(`${MOUNTS} mounts`);

  // An edit elsewhere is seen in its row.
  await test.api('PUT', 'v1/mounts/app-004', { kind: 'regular', match: { path: '/moved' }, address: upstream });
  await row('app-004').getByText('/moved').waitFor();

  // By keys alone.
  await row('app-000').focus();
  for (const key of ['ArrowDown', 'ArrowDown', 'ArrowUp', 'PageDown', 'Home', 'End']) await page.keyboard.press(key);
  const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-rowindex'));
  await until('a row far below', async () => Number(await focused()) > 90);
  assert(await grid.locator('.mount-row:focus').isVisible());
  await page.keyboard.press('Home');
  assert.strictEqual(await focused(), '2');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Space');
  await page.getByText('1 selected').waitFor();
  await page.keyboard.press('Space');
  await page.getByText('1 selected').waitFor({ state: 'hidden' });
  assert.strictEqual(await focused(), '3');
  await page.keyboard.press('Enter');
  await page.waitForURL(/#\/mounts\/app-001$/);
  await page.goBack();
  await row('app-000').waitFor();

  // Where changes are not told any more, that is said, and it can be begun anew.
  await page.route('**/v1/events*', (route) => route.fulfill({
    status: 403, contentType: 'application/problem+json',
    body: JSON.stringify({ type: 'about:blank', title: 'Forbidden', status: 403, detail: 'not from there' }),
  }));
  // What is counted of all mounts is asked for seldom: it costs the more, the more there are.
  assert(samples <= 2 + (Date.now() - since) / SAMPLE_MS, `${samples} times in ${Date.now() - since} ms`);
  await page.reload();
  await page.getByText('What is made and deleted is not told any more. not from there', { exact: true }).waitFor();
  await page.unroute('**/v1/events*');
  await page.getByRole('button', { name: 'Load anew' }).click();
  await page.getByText('not told any more').waitFor({ state: 'hidden' });
  await test.mount('aaa', upstream);
  await row('aaa').waitFor();
  await row('app-000').waitFor();

  // On a phone.
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  await test.look('mounts-phone');
  assert(await grid.getByRole('row').count() < 60);
  held.destroy();
});
