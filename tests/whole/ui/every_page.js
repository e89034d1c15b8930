// Every page there is, with mounts, traffic and errors: no barrier that axe
// knows, in light and in dark, and nothing wider than a phone.

const { scenario } = require('./harness.js');

const PAGES = {
  overview: '#/', mounts: '#/mounts', filtered: '#/mounts?state=failed', mount: '#/mounts/orders', traffic: '#/mounts/orders/traffic',
  history: '#/mounts/orders/history', config: '#/mounts/orders/config', edit: '#/mounts/orders/edit', 'edit-json': '#/mounts/orders/edit?view=json',
  new: '#/new', copy: '#/new?from=orders', explain: '#/explain?url=http%3A%2F%2F127.0.0.1%2Forders%2F1', events: '#/events', transfer: '#/transfer',
  tokens: '#/tokens', unknown: '#/nowhere', 'no-mount': '#/mounts/nobody',
};

scenario(async (test) => {
  await test.start();
  const upstream = await test.upstream();
  await test.mount('orders', upstream, { labels: { owner: 'shop' }, request_headers: { set: { 'X-Team': 'shop' } } });
  await test.mount('broken', 'http://127.0.0.1:9/');
  await test.api('POST', 'v1/mounts/broken/disable');
  await test.api('POST', 'v1/mounts/broken/enable');
  for (const way of ['/orders/a', '/orders/b?token=x', '/broken/']) await test.ask(way);
  const page = await test.open('#/');
  for (const [name, hash] of Object.entries(PAGES)) {
    await test.go(hash);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.locator('main .loading').first().waitFor({ state: 'hidden' });
    await page.setViewportSize({ width: 390, height: 844 });
    await test.fits();
    await page.setViewportSize({ width: 1440, height: 900 });
    await test.look(`every-${name}`);
  }
});
