// A person finds a mount among many by words, host, label, state and idle time,
// and by what is most of something; the address keeps it.

const { assert, scenario, until } = require('./harness.js');

const MOUNTS = 150;

scenario(async (test) => {
  await test.start();
  const upstream = await test.upstream((request, response) => {
    response.statusCode = request.url.includes('fail') ? 500 : 200;
    response.end('hello');
  });
  const mounts = Array.from({ length: MOUNTS }, (_, index) => {
    const number = String(index).padStart(3, '0');
    return {
      id: `app-${number}`, kind: 'regular', address: upstream, match: { path: `/app/${number}`, ...(index % 9 === 0 ? { host: 'shop.example.org' } : {}) },
      labels: { team: `team-${index % 3}` }, limits: { concurrent_requests_max: index === 2 ? 7 : 256 },
    };
  });
  await test.api('POST', 'v1/import', { mounts });
  for (let at = 0; at < 6; at += 1) await test.ask('/app/001/x');
  for (let at = 0; at < 3; at += 1) await test.ask('/app/002/fail');
  await test.api('POST', 'v1/mounts/app-003/pause');
  const page = await test.open('#/mounts', { height: 640 });
  const grid = page.getByRole('grid', { name: 'Mounts' });
  const row = (id) => grid.getByRole('row', { name: id });
  const total = (text) => page.getByText(text, { exact: true }).waitFor();
  await row('app-000').waitFor();

  // Search, filters and order stand in the address.
  await page.keyboard.press('/');
  await page.keyboard.type('app-01 team-1');
  await total('4 mounts match');
  assert(page.url().includes('search=app-01'), page.url());
  await page.getByLabel('Host').fill('shop.example.org');
  await page.getByRole('heading', { name: 'No mount matches' }).waitFor();
  await page.locator('.list-state').getByRole('button', { name: 'Clear filters' }).click();
  await total(`${MOUNTS} mounts`);

  // A part of a host is none; the search finds it.
  await page.getByPlaceholder('Exact, or * for any').fill('shop.exa');
  await page.getByText('Host is compared whole.').waitFor();
  await page.getByRole('button', { name: 'Search for “shop.exa” instead' }).click();
  await total('17 mounts match');
  assert.strictEqual(await page.getByRole('searchbox', { name: 'Search' }).inputValue(), 'shop.exa');
  assert.strictEqual(await page.getByLabel('Host').inputValue(), '');
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await total(`${MOUNTS} mounts`);

  // A state, how long it is so, and why: none is cut off, here nor on a phone.
  await test.api('POST', 'v1/mounts/app-005/disable');
  const why = row('app-005').locator('.of-state .second');
  await why.getByText('switched off').waitFor();
  const whole = async (node) => assert(await node.evaluate((it) => it.scrollWidth <= it.clientWidth && it.scrollHeight <= it.clientHeight + 1), await node.innerText());
  await row('app-005').focus();
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 640 });
    await whole(why);
    await whole(row('app-005').locator('.of-state'));
    await test.look(`mounts-reason-${width}`);
  }
  await page.setViewportSize({ width: 1440, height: 640 });
  await test.api('POST', 'v1/mounts/app-005/enable');
  await page.getByLabel('Host').fill('*');
  await total('133 mounts match');
  await page.getByLabel('Host').fill('');
  await page.getByLabel('Label').fill('team=team-2');
  await total('50 mounts match');
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await page.getByRole('checkbox', { name: 'paused', exact: true }).check();
  await total('1 mount matches');
  await page.getByRole('checkbox', { name: 'failed' }).check();
  await page.reload();
  await total('1 mount matches');
  assert(await page.getByRole('checkbox', { name: 'failed' }).isChecked());
  await test.api('POST', 'v1/mounts/app-007/pause');
  await row('app-007').waitFor(); // the state that is filtered for
  await test.api('POST', 'v1/mounts/app-007/resume');
  await row('app-007').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Clear filters' }).click();
  const times = [];
  page.on('request', (request) => times.push(new URL(request.url()).searchParams.get('inactive_since') ?? ''));
  await page.getByLabel('Idle for at least').selectOption('1 hour');
  await page.getByRole('heading', { name: 'No mount matches' }).waitFor();
  // It is asked from the time of each question on.
  const [begun] = times.filter(Boolean);
  await test.mount('aab', upstream);
  await until('the list as it is now', () => times.some((time) => time > begun));
  await test.api('DELETE', 'v1/mounts/aab');
  await page.getByRole('button', { name: 'Clear filters' }).first().click();

  // What stands in the address and means nothing is left out; what the server refuses can be cleared.
  await test.go('#/mounts?state=paused,lost&idle=soon&sort=size&host=%20&label=team');
  await total('1 mount matches');
  assert(await page.getByRole('checkbox', { name: 'paused', exact: true }).isChecked());
  await page.reload();
  await total('1 mount matches');
  await test.go('#/mounts?search=a+b+c+d+e+f+g+h+i&state=paused');
  await page.getByRole('alert').filter({ hasText: 'words' }).waitFor();
  await page.locator('.list-state').getByRole('button', { name: 'Clear filters' }).click();
  await total(`${MOUNTS} mounts`);

  const first = () => grid.getByRole('rowheader').first().getByRole('link').innerText();
  await grid.getByRole('button', { name: 'Errors' }).click();
  await until('the one with errors first', async () => await first() === 'app-002');
  assert.strictEqual(await grid.getByRole('columnheader', { name: 'Errors' }).getAttribute('aria-sort'), 'descending');
  await page.getByText('In the order of').waitFor();
  await grid.getByRole('button', { name: 'Requests' }).click();
  await until('the one with requests first', async () => await first() === 'app-001');
  await grid.getByRole('button', { name: 'Changed' }).click();
  await until('the last that was changed first', async () => await first() === 'app-007');
  await grid.getByRole('button', { name: 'Changed' }).click();
  await until('the first that was changed first', async () => await first() === 'app-000');
  assert(page.url().includes('sort=updated_at'), page.url());
  await grid.getByRole('button', { name: 'Mount', exact: true }).click();

  // On a phone, where there are no heads to click.
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole('button', { name: 'Filters' }).click();
  await page.getByLabel('Sort by').selectOption('Errors');
  await until('the one with errors first', async () => await first() === 'app-002');
  await page.getByRole('searchbox', { name: 'Search' }).fill('app-002');
  await total('1 mount matches');
  await test.look('mounts-filters-phone');
  await test.fits();

  // Without the API the rows stay, and go on by themselves.
  test.offline = true;
  await test.standin.stop();
  await page.getByText('What you see is from').waitFor();
  assert(await row('app-002').isVisible());
  await test.startAgain();
  await test.mount('aaa', upstream);
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await page.getByLabel('Sort by').selectOption('Name');
  await row('aaa').waitFor();
});
