// A person sees what the server does now and did in the last minutes, and first
// of all what needs attention: without mounts how to make one, then mounts that
// fail, hold, or come near a bound, until nothing does.

const childProcess = require('node:child_process');
const net = require('node:net');
const { assert, scenario, until } = require('./harness.js');

scenario(async (test) => {
  await test.start('--connections-max', '20', '--head-timeout', '60', '--idle-timeout', '60');
  const { admin, token } = test.standin;
  const page = await test.open('#/');
  // What the page does again after some seconds, it does at once. Time goes on by itself, too.
  await page.clock.install();
  await page.reload();
  const later = (ms = 5000) => page.clock.fastForward(ms);
  // The page's clock is moved on, and so no answer tells it what time it is.
  const timeless = (answer) => Object.fromEntries(Object.entries(answer.headers()).filter(([name]) => name !== 'date'));
  await page.route('**/v1/**', async (route) => {
    const answer = await route.fetch().catch(() => null);
    await (answer ? route.fulfill({ response: answer, headers: timeless(answer) }) : route.abort()).catch(() => {});
  });
  const attention = page.getByRole('region', { name: 'What needs attention' });
  const figure = (name) => page.locator('.figure', { has: page.getByText(name, { exact: true }) }).locator('dd');
  const shows = (name, pattern) => figure(name).filter({ hasText: pattern }).waitFor();
  const state = (word) => page.getByRole('link', { name: new RegExp(`^\\d+ ${word}$`) });
  const states = (word, n) => page.getByRole('link', { name: `${n} ${word}`, exact: true }).waitFor();

  // No mounts: how to make one. Each command does so as it is copied.
  await page.getByRole('heading', { name: 'No mounts yet' }).waitFor();
  await test.look('overview-empty');
  const copied = async (name) => {
    await page.getByRole('region', { name }).locator('..').getByRole('button', { name: 'Copy' }).click();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  const [byHand, byCurl] = [await copied('standin mount add'), await copied('curl')];
  assert(byHand.includes(admin.replace(/\/$/, '')) && byCurl.includes(admin), `${byHand}\n${byCurl}`);
  test.standin.cli(...byHand.split(/[ \\\n]+/).slice(1));
  await later();
  await states('open', 1);
  await test.api('DELETE', 'v1/mounts/hello');
  const { status, stderr } = await run('sh', ['-c', `${byCurl} --silent --show-error --fail`], { STANDIN_TOKEN: token });
  assert.strictEqual(status, 0, stderr);
  await test.api('DELETE', 'v1/mounts/hello');

  // Nothing needs attention, and real traffic is counted as the server counts it.
  let hold = null;
  const good = await test.upstream((request, response) => {
    if (request.url.includes('slow')) hold = response;
    else response.end('here');
  });
  test.servers.at(-1).on('upgrade', (_, socket) => {
    socket.on('error', () => {}).on('end', () => socket.end()).resume();
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
  });
  await test.mount('orders-api', good);
  await test.mount('billing', good);
  await later();
  await attention.getByRole('status').filter({ hasText: 'Nothing. All 2 mounts are open.' }).waitFor();
  for (let n = 0; n < 30; n += 1) assert.strictEqual((await test.ask('/orders-api/x')).status, 200);
  await later(2000);
  await shows('Requests', /^30since the start, \d+ s ago/);
  await shows('5xx', /^0%0 of 30 in the last \d+ s/);
  await shows('p99', /\d ms/);
  await page.getByRole('img', { name: /^Requests per second, last 5 min: .* at most$/ }).waitFor();

  // What is on its way.
  const slow = test.ask('/orders-api/slow');
  const tunnel = net.connect(new URL(test.front).port, '127.0.0.1');
  tunnel.on('error', () => {});
  tunnel.write(`GET /orders-api/ HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n`);
  await until('the slow request', () => hold);
  await until('the tunnel', async () => (await test.api('GET', 'v1/stats')).tunnels === 1);
  await later(2000);
  await shows('Open tunnels', /^1$/);
  const { in_flight: inFlight, version, connections } = await test.api('GET', 'v1/stats');
  await shows('In flight', new RegExp(`^${inFlight}$`));
  await shows('Version', new RegExp(`^${version.replaceAll('.', '\\.')}revision`));
  await shows('Client connections', new RegExp(`^${connections.open}of 20$`));
  await shows('Changes durable in', /ms.*commits/);
  await page.getByRole('img', { name: new RegExp(`^Requests in flight.* ${inFlight} at most$`) }).waitFor();
  hold.end('at last');
  await slow;
  tunnel.destroy();

  // A mount whose upstream is away, one that fails now and then, one that somebody
  // paused just now, client connections near their bound; and one that failed. Nothing
  // that a client does makes an actor fail, so the answer is changed on its way.
  const away = await test.upstream();
  const gone = test.servers.pop();
  await new Promise((done) => gone.close(done));
  await test.mount('legacy-search', away);
  let turn = 0;
  await test.mount('invoices', await test.upstream((_, response) => {
    response.statusCode = (turn += 1) % 3 === 0 ? 500 : 200;
    response.end();
  }));
  await test.api('POST', 'v1/mounts/billing/pause');
  const held = test.ask('/billing/');
  for (let n = 0; n < 6; n += 1) assert.strictEqual((await test.ask('/legacy-search/')).status, 502);
  for (let n = 0; n < 9; n += 1) await test.ask('/invoices/7?token=secret');
  const idle = Array.from({ length: 15 }, () => net.connect(new URL(test.front).port, '127.0.0.1'));
  idle.forEach((socket) => socket.on('error', () => {}));
  await page.route('**/v1/stats', async (route) => {
    const answer = await route.fetch();
    const stats = await answer.json();
    stats.mounts.states.failed = 1;
    await route.fulfill({ response: answer, json: stats, headers: timeless(answer) });
  });
  await page.route('**/v1/mounts?state=failed,*', (route) => route.fulfill({ json: { revision: 1, total: 1, next: null, mounts: [
    { id: 'orders-api', state: 'failed', state_reason: 'its actor failed again and again; restart tries once more',
      state_since: new Date().toISOString(), in_flight: 0, held: 0, tunnels: 0 }] } }));
  const need = (id) => attention.getByRole('listitem').filter({ has: page.getByRole('link', { name: id, exact: true }) });
  const connected = attention.getByRole('listitem').filter({ hasText: 'Client connections' });
  await later();
  await need('orders-api').filter({ hasText: 'Its actor failed again and again; restart tries once more.' }).waitFor();
  await need('legacy-search').filter({ hasText: '6 of 6 requests failed' }).filter({ hasText: 'could not be reached' }).waitFor();
  await need('invoices').filter({ hasText: '3 of 9 requests failed' }).waitFor();
  await connected.filter({ hasText: 'of 20' }).waitFor();
  await shows('5xx', /9 of \d+ in the last/);
  await attention.getByRole('status').filter({ hasText: '4 things to look at' }).waitFor();
  assert.strictEqual(await need('billing').count(), 0);
  await later(60_000);
  await need('billing').filter({ hasText: 'paused' }).filter({ hasText: '1 request held' }).waitFor();
  assert.strictEqual(await attention.getByRole('link').first().textContent(), 'orders-api', 'the worst is first');
  await test.look('overview');
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.unroute('**/v1/stats');
  await page.unroute('**/v1/mounts?state=failed,*');
  idle.forEach((socket) => socket.destroy());
  await test.api('POST', 'v1/mounts/billing/resume');
  await held;
  await later();
  for (const one of [need('orders-api'), connected, need('billing')]) await one.waitFor({ state: 'detached' });

  // The numbers go on to be gathered on other pages, and outlive a reload.
  await page.getByRole('link', { name: 'Tokens' }).click();
  await page.getByRole('heading', { level: 1, name: 'Tokens' }).waitFor();
  await Promise.all([page.waitForRequest('**/v1/stats'), later()]);
  await page.goBack();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await page.reload();
  await page.getByRole('img', { name: new RegExp(`^Requests in flight.*: 0 now, ${inFlight} at most$`) }).waitFor();
  await page.getByRole('img', { name: /^5xx share.* \d+% at most$/ }).waitFor();

  // From here to where something can be done, by keys.
  await state('open').focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(/#\/mounts\?state=open$/);
  await test.go('#/');
  await need('legacy-search').getByRole('link').click();
  await page.waitForURL(/#\/mounts\/legacy-search$/);

  // One who may only read is offered nothing that would fail.
  const reader = await test.api('POST', 'v1/tokens', { name: 'reader', read_only: true });
  for (const { id } of (await test.api('GET', 'v1/mounts?fields=id')).mounts) await test.api('DELETE', `v1/mounts/${id}?mode=kill`);
  await test.open('#/', { token: reader.token, width: 390, height: 844 });
  await test.page.getByRole('heading', { name: 'No mounts yet' }).waitFor();
  assert.strictEqual(await test.page.getByRole('link', { name: 'New mount' }).count(), 0);
  await test.fits();

  // An error is told where the numbers would be, and is over as soon as it is.
  await test.page.route('**/v1/stats', (route) => route.fulfill({ status: 503, json: { title: 'Not yet', status: 503, detail: 'The store is not ready.' } }));
  await test.page.getByRole('alert').filter({ hasText: 'The store is not ready.' }).waitFor();
  await test.page.unroute('**/v1/stats');
  await test.page.getByRole('button', { name: 'Try again' }).click();
  await test.page.getByRole('heading', { name: 'No mounts yet' }).waitFor();
});

/** Runs a program to its end, without a shell's words in its way. */
function run(program, args, more) {
  return new Promise((done) => childProcess.execFile(program, args, { env: { ...process.env, ...more }, timeout: 15_000 },
    (error, stdout, stderr) => done({ status: error ? error.code ?? 1 : 0, stdout, stderr })));
}
