// A person looks at one mount under real traffic: its way with live rates and
// policies in words, state, generations, budgets, latency and errors.

const net = require('node:net');
const { assert, scenario, until } = require('./harness.js');

const HOSTILE = '<img src=x onerror="document.title=1">';

scenario(async (test) => {
  await test.start();
  const waiting = [];
  const upstream = await test.upstream((request, response) => {
    if (request.url.includes('hang')) waiting.push(response);
    else if (request.url.includes('broken')) response.writeHead(500).end('broken\n');
    else response.end('x'.repeat(2048));
  });
  await test.mount('orders', upstream, {
    match: { path: '/orders' },
    allowed_request_methods: ['GET', 'POST'],
    suppress_http_headers: ['accept-encoding'],
    request_headers: { set: { 'X-Secret': 'hunter2' }, remove: ['x-debug'] },
    response_headers: { add: { 'X-Served': '{mount_id}' } },
    forwarded: { x_forwarded_for: 'append', trusted_peers: ['10.0.0.0/8'], via: 'off' },
    rewrite: { location: true, cookies: true, body: [{ from: 'a', to: 'b' }] },
    limits: { concurrent_requests_max: 2, requests_per_s_max: 400 },
    timeouts: { first_byte_ms: 40_000 },
    lease: { ttl_s: 3600, on_expiry: 'drain' },
    labels: { owner: 'shop', note: HOSTILE },
    metadata: { wiki: HOSTILE },
  });
  for (let n = 0; n < 30; n += 1) assert.strictEqual((await test.ask('orders/list')).status, 200);

  const page = await test.open('#/mounts/orders');
  await page.getByRole('heading', { level: 1, name: 'orders' }).waitFor();
  await page.getByText('open', { exact: true }).first().waitFor();
  assert.strictEqual(await page.title(), 'orders · Standin');

  // The way of a request, with what the mount does in words; no secret is told.
  const flow = page.getByRole('region', { name: 'The way of a request' });
  await flow.getByText(upstream).waitFor();
  for (const text of ['/orders', 'Only GET and POST; other methods get 405.', 'Not passed on: accept-encoding.', 'Removes x-debug; sets X-Secret.',
    'Adds X-Served.', 'X-Forwarded-For: ours is added to what a trusted proxy sent.', 'Proxies at 10.0.0.0/8 are believed.', 'Via is passed on as it came.',
    'URLs in Location and the like become those that clients see.', '1 text replaced in text/html.', 'At most 2 requests at a time.', 'Time limits: first byte 40 s.']) {
    await flow.getByText(text, { exact: true }).waitFor();
  }
  assert(!(await page.locator('body').innerText()).includes('hunter2'));
  await flow.getByText(/^[1-9][\d.]* requests\/s$/).waitFor();

  // Budgets are used, all of them, and further requests are refused.
  const quietly = (way) => test.ask(way).catch((error) => ({ status: error.message })); // awaited later
  const hanging = [quietly('orders/hang?1'), quietly('orders/hang?2')];
  await until('both hang', () => waiting.length === 2);
  await page.getByRole('meter', { name: 'Requests at a time' }).and(page.locator('[aria-valuenow="2"][aria-valuemax="2"]')).waitFor();
  await page.getByText('2 of 2 (all)').waitFor();
  await flow.getByText('2 in flight').waitFor();
  await flow.getByText('2 connections', { exact: true }).waitFor();
  assert.strictEqual((await test.ask('orders/no')).status, 503);
  await page.getByText('1 request refused: as many were on their way as may be concurrent_requests_max').waitFor();

  // An error in words, and the way to explain it.
  const errors = page.getByRole('region', { name: 'Errors' });
  await errors.getByText('GET /orders/no').waitFor();
  await errors.getByText('(limits.concurrent_requests_max)').waitFor();
  const explain = await errors.getByRole('link', { name: 'Explain GET /orders/no' }).getAttribute('href');
  assert.strictEqual(explain, '#/explain?url=%2Forders%2Fno&method=GET');
  await flow.getByText(/^[\d.]+ errors\/s$/).and(flow.locator(':not(:text-is("0 errors/s"))')).waitFor();

  // A change makes a generation; the old one keeps its requests.
  await test.api('PATCH', 'v1/mounts/orders', { strip_prefix: false });
  await page.getByText('Generation 1: 2 requests and 0 tunnels left').waitFor();
  await test.look('mount');
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  await page.setViewportSize({ width: 1440, height: 900 });
  for (const response of waiting) response.end('at last\n');
  for (const { status } of await Promise.all(hanging)) assert.strictEqual(status, 200);
  await page.getByText('Generation 1: 2 requests and 0 tunnels left').waitFor({ state: 'detached' });

  // State, lease, owner; what is hostile is text.
  await page.getByText(/^In (1 h 0 min|59 min) it is drained, unless renewed\.$/).waitFor();
  await page.getByText('shop', { exact: true }).waitFor();
  await page.getByRole('link', { name: `note=${HOSTILE}` }).waitFor();
  await page.getByText('Metadata', { exact: true }).click();
  await page.getByRole('region', { name: 'Metadata' }).getByText('onerror').waitFor();
  assert.strictEqual(await page.locator('main img').count(), 0);

  // Latency: the server's own quantiles, then those since the page was opened.
  const latency = page.getByRole('region', { name: 'Latency', exact: true });
  const numbers = await test.api('GET', 'v1/mounts/orders/stats');
  assert.strictEqual(numbers.requests.total, 33);
  await latency.getByText('33 requests. Mean').waitFor();
  // Each quantile stands where it belongs on the scale.
  const [p50, p99] = await Promise.all(['p50', 'p99'].map((name) => latency.locator(`.mark.${name}`).boundingBox()));
  assert(p50.x < p99.x, `p50 at ${p50.x}, p99 at ${p99.x}`);
  await latency.getByText('As a table').click();
  const inTable = async () => (await latency.locator('tbody td:nth-child(2)').allInnerTexts()).reduce((sum, text) => sum + Number(text), 0);
  assert.strictEqual(await inTable(), 33);
  await latency.getByRole('button', { name: 'Since you opened this page' }).click();
  await page.waitForURL(/latency=opened/);
  await latency.getByText('3 requests.', { exact: true }).waitFor();
  assert.strictEqual(await inTable(), 3);

  // Failures: the upstream's answer, and an upstream that is not there.
  await test.ask('orders/broken');
  await errors.getByText('The upstream answered 500 Internal Server Error.').waitFor();
  for (const n of [1, 2]) await test.ask(`orders/broken?page=${n}`);
  // What is the same is told once, with each of them within.
  await errors.getByText('3 times', { exact: true }).click();
  await errors.getByText('/orders/broken?page=2', { exact: true }).waitFor();
  assert.strictEqual(await errors.getByText('The upstream answered 500').count(), 1);
  const away = net.createServer().listen(0, '127.0.0.1');
  await new Promise((done) => away.once('listening', done));
  const { port } = away.address();
  await new Promise((done) => away.close(done));
  await test.mount('away', `http://127.0.0.1:${port}/`, { match: { host: '*.away.test', path: '/' } });
  await page.goto(`${test.standin.admin}#/mounts/away`);
  await page.getByText('No errors since the proxy was started.').waitFor();
  await page.getByText('No request has ended since the proxy was started; tunnels are left out.', { exact: true }).waitFor();
  await test.look('mount-quiet');
  const refused = await new Promise((done) => require('node:http').get(test.front, { headers: { Host: 'a.away.test' }, path: '/app?key=1' }, (answer) => done(answer.resume().statusCode)));
  assert.strictEqual(refused, 502);
  await errors.getByText('Connection refused').waitFor();
  await errors.getByText('Fault of the upstream.').waitFor();
  await page.getByText('1 request failed by a fault of the upstream').waitFor();
  assert.match(await errors.getByRole('link', { name: /Explain/ }).getAttribute('href'), /url=http%3A%2F%2Fany\.away\.test%2F/);
});
