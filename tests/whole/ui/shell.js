// A person signs in, finds the way by mouse, by keys and by search, chooses the
// colours, and is told when what is seen is stale.

const { assert, scenario, until } = require('./harness.js');

scenario(async (test) => {
  const { token, admin } = await test.start();
  const upstream = await test.upstream();
  await test.mount('orders-api', upstream, { labels: { team: 'shop' } });
  const page = await test.open('#/', { token: '' });

  // Signing in, with a wrong token first.
  await page.getByRole('heading', { name: 'Token needed' }).waitFor();
  await page.getByText('Signed out', { exact: true }).waitFor();
  await test.look('sign-in');
  await page.getByLabel('Token', { exact: true }).fill('wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'does not count' }).waitFor();
  assert.strictEqual(await page.locator('header .pill').innerText(), 'Signed out');
  await page.getByLabel('Token', { exact: true }).fill(token);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  assert(!page.url().includes(token));

  // A link with the token leaves none in the address bar.
  await page.goto(`${admin}#token=${token}`);
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  assert(!page.url().includes(token));

  // While another token is tried, nothing goes on of the page that the last one saw.
  await test.go('#/mounts/orders-api/traffic');
  await page.getByText('Requests appear as they end.').waitFor();
  let answer;
  await page.route('**/v1/caller', (route) => { answer = () => route.fallback(); });
  await test.go(`#token=${token}`);
  await page.getByText('Connecting…').waitFor();
  await until('the stream is let go', async () => (await test.api('GET', 'v1/stats')).event_streams.open === 0);
  answer();
  await page.unroute('**/v1/caller');
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();

  // By keys.
  await page.keyboard.press('g');
  await page.keyboard.press('m');
  await page.getByRole('heading', { level: 1, name: 'Mounts' }).waitFor();
  assert.strictEqual(await page.title(), 'Mounts · Standin');
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  // By search.
  await page.keyboard.press('Control+k');
  await page.keyboard.type('shop');
  await page.getByRole('option', { name: /orders-api/ }).waitFor();
  await test.look('palette');
  await page.keyboard.press('Enter');
  await page.waitForURL(/#\/mounts\/orders-api$/);

  // Who types on and presses Enter at once means what was typed.
  await test.go('#/');
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('team=shop');
  await page.keyboard.press('Enter');
  await page.waitForURL(/#\/mounts\/orders-api$/);

  // Colours are kept.
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByText('Dark', { exact: true }).click();
  assert.notStrictEqual(await ground(), light);
  await page.reload();
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Overview' }).waitFor();
  assert.notStrictEqual(await ground(), light);

  // Stale, and live again by itself.
  await page.getByText('Live', { exact: true }).waitFor();
  await test.go('#/');
  test.offline = true;
  await test.standin.stop();
  await page.getByText('What you see is from').waitFor();
  await page.getByText('Stale', { exact: true }).waitFor();
  await test.startAgain();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByText('What you see is from').waitFor({ state: 'detached' }).catch(() => {});
  assert.strictEqual(await page.getByText('What you see is from').count(), 0);
});
