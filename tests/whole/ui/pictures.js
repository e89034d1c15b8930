// Makes the pictures of docs/ from a server with traffic: node tests/whole/ui/pictures.js
// Not a test: run it when the UI looks different, with a release binary in STANDIN_BIN.

const http = require('node:http');
const path = require('node:path');
const { scenario } = require('./harness.js');

const DOCS = path.resolve(__dirname, '../../../docs');
const GATHER_MS = 45_000; // so that the charts have something to show
const VIEWS = [
  ['ui-overview', '#/', 'light'],
  ['ui-mounts', '#/mounts?sort=-requests_per_s', 'light'],
  ['ui-mount', '#/mounts/orders-api', 'dark'],
  ['ui-explain', '#/explain?url=http%3A%2F%2Fshop.example.org%2Forders%2F17&method=GET', 'light'],
];

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

scenario(async (test) => {
  await test.start();
  const answers = (failing, ms) => test.upstream((request, response) => {
    response.statusCode = Math.random() < failing ? 503 : 200;
    setTimeout(() => response.end('x'.repeat(800)), ms * (0.5 + Math.random()));
  });
  const [quick, usual, slow] = [await answers(0, 3), await answers(0.004, 18), await answers(0, 160)];
  const shop = { labels: { owner: 'shop' } };
  await test.mount('orders-api', usual, {
    ...shop, match: { host: 'shop.example.org', path: '/orders' }, allowed_request_methods: ['GET', 'HEAD', 'POST'],
    request_headers: { set: { 'X-Team': 'shop' } }, rewrite: { location: true },
    limits: { concurrent_requests_max: 64, queue_max: 16, queue_wait_ms_max: 2000 },
  });
  await test.mount('catalog', quick, { ...shop, match: { host: 'shop.example.org', path: '/' } });
  await test.mount('search', slow, { ...shop, match: { host: 'shop.example.org', path: '/search' } });
  for (const name of ['ann', 'bob', 'carla']) await test.mount(`notebook-${name}`, usual, { labels: { owner: 'hub' }, match: { path: `/user/${name}` } });
  for (const number of [412, 415, 418]) await test.mount(`preview-${number}`, quick, { labels: { owner: 'ci' }, match: { host: `pr-${number}.preview.example.org`, path: '/' }, lease: { ttl_s: 3600, on_expiry: 'delete' } });
  await test.mount('billing', 'http://127.0.0.1:9/', { ...shop, match: { host: 'shop.example.org', path: '/billing' } });
  await test.api('POST', 'v1/mounts/notebook-carla/pause');
  await test.api('POST', 'v1/mounts/preview-412/disable');

  const asked = [['shop.example.org', '/orders/17', 14], ['shop.example.org', '/orders/', 22], ['shop.example.org', '/item/4', 5], ['shop.example.org', '/search?q=tide', 60],
    ['127.0.0.1', '/user/ann/tree', 30], ['127.0.0.1', '/user/bob/tree', 80], ['pr-415.preview.example.org', '/', 90], ['pr-418.preview.example.org', '/', 250], ['shop.example.org', '/billing/7', 900]];
  let on = true;
  const load = asked.map(async ([host, way, ms]) => {
    while (on) {
      await new Promise((done) => http.get(new URL(way, test.front), { headers: { host } }, (answer) => answer.resume().on('end', done)).on('error', done));
      await pause(ms * (0.3 + 1.4 * Math.random()));
    }
  });
  const page = await test.open('#/');
  await pause(GATHER_MS);
  for (const [name, hash, theme] of VIEWS) {
    await page.emulateMedia({ colorScheme: theme });
    await test.go(hash);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await pause(6000);
    await page.screenshot({ path: path.join(DOCS, `${name}.png`) });
  }
  on = false;
  await Promise.all(load);
});
