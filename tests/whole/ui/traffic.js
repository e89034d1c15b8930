// A person watches the requests of a mount as they end, pauses, filters, opens
// one, and takes them along as HAR and as a command for curl.

const childProcess = require('node:child_process');
const fs = require('node:fs');
const { promisify } = require('node:util');
const { assert, scenario, until } = require('./harness.js');

/** What HAR 1.2 requires, and that the times of each entry add up. */
function checkHar(har) {
  const has = (value, types) => {
    for (const [name, type] of Object.entries(types)) {
      const is = Array.isArray(value[name]) ? 'array' : typeof value[name];
      assert.strictEqual(is, type, `${name} of ${JSON.stringify(value)}`);
    }
  };
  has(har.log, { version: 'string', creator: 'object', entries: 'array' });
  assert.strictEqual(har.log.version, '1.2');
  has(har.log.creator, { name: 'string', version: 'string' });
  for (const { startedDateTime, time, request, response, cache, timings } of har.log.entries) {
    assert.strictEqual(new Date(startedDateTime).toISOString(), startedDateTime);
    assert.deepStrictEqual(cache, {});
    has(request, { method: 'string', url: 'string', httpVersion: 'string', cookies: 'array', headers: 'array', queryString: 'array', headersSize: 'number', bodySize: 'number' });
    assert(URL.canParse(request.url), request.url);
    has(response, { status: 'number', statusText: 'string', httpVersion: 'string', cookies: 'array', headers: 'array', content: 'object', redirectURL: 'string', headersSize: 'number', bodySize: 'number' });
    has(response.content, { size: 'number', mimeType: 'string' });
    for (const field of [...request.headers, ...response.headers, ...request.queryString]) has(field, { name: 'string', value: 'string' });
    has(timings, { blocked: 'number', dns: 'number', connect: 'number', ssl: 'number', send: 'number', wait: 'number', receive: 'number' });
    for (const name of ['send', 'wait', 'receive']) assert(timings[name] >= 0, `${name} is ${timings[name]}`);
    const sum = Object.values(timings).reduce((all, part) => all + Math.max(0, part), 0);
    assert(Math.abs(sum - time) < 0.01, `${sum} is not ${time}`);
  }
  return har.log.entries;
}

scenario(async (test) => {
  await test.start();
  const hostile = '<img src=x onerror=alert(1)>';
  const upstream = await test.upstream((request, response) => {
    const code = Number(/\/code\/(\d+)/.exec(request.url)?.[1] ?? 200);
    response.writeHead(code, { 'Content-Type': 'text/plain', 'Set-Cookie': 'id=hunter2', 'X-Note': hostile });
    setTimeout(() => response.end(`hello from ${request.url}\n`), request.url.includes('slow') ? 60 : 0);
  });
  await test.mount('orders', upstream);
  const page = await test.open('#/mounts/orders/traffic');
  const requests = page.getByRole('list', { name: 'Requests, newest first' }).getByRole('button');
  const details = page.getByRole('region', { name: 'Details of the request' });
  const state = (word) => page.locator('.live-traffic').getByRole('status').filter({ hasText: word }).waitFor();

  // Nothing yet, and what to do.
  await page.getByRole('heading', { name: 'Waiting for requests…' }).waitFor();
  await page.getByText('/orders', { exact: true }).waitFor();
  await state('Live');
  await test.look('traffic-empty');

  // Requests as they end, the newest first.
  await test.ask('/orders/first?token=hunter2&page=1', { headers: { 'X-Api-Key': 'hunter2', 'X-Odd': hostile, Referer: 'http://shop.test/?token=hunter2' } });
  await test.ask('/orders/code/404');
  await test.ask('/orders/code/503', { method: 'POST', body: 'x'.repeat(2000) });
  await test.ask('/orders/slow');
  await requests.nth(3).waitFor();
  const texts = await requests.allInnerTexts();
  ['/orders/slow', '/orders/code/503', '/orders/code/404', '/orders/first'].forEach((target, at) => assert(texts[at].includes(target), texts[at]));
  await page.getByText('4 requests shown.').waitFor();

  // All of one; its secrets are hidden.
  await page.getByRole('button', { name: /first/ }).click();
  await details.getByText('Waiting for first byte').waitFor();
  await details.getByText('The whole answer was sent.').waitFor();
  await details.getByText(`${new URL(upstream).host}, on a new connection`).waitFor();
  await details.getByText(hostile).first().waitFor();
  assert.strictEqual(await details.getByText('hidden by the server').count(), 3);
  await details.getByText('in part hidden by the server', { exact: true }).waitFor();
  await details.getByText('What is hidden is missing there: fields are left out, and … stands in the URL.', { exact: true }).waitFor();
  assert(!(await page.content()).includes('hunter2'));
  await test.look('traffic');
  await details.getByRole('button', { name: 'Copy as curl' }).click();
  await details.getByRole('button', { name: 'Copied' }).waitFor();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  assert(command.includes('/orders/first?token=') && /X-Odd/i.test(command) && !/X-Api-Key|Referer/i.test(command), command);
  const { stdout: answer } = await promisify(childProcess.execFile)('sh', ['-c', `${command} --silent --max-time 5`]);
  assert(answer.startsWith('hello from /first?token='), answer);
  await requests.nth(4).waitFor();
  assert.match(await details.getByRole('link', { name: 'Explain this request' }).getAttribute('href'), /^#\/explain\?method=GET&url=http/);

  // By keys: to the next one, open, and back.
  await page.getByRole('button', { name: /404/ }).focus();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await details.getByRole('heading', { name: 'POST /orders/code/503' }).waitFor();
  await details.getByText('2.0 KiB received').or(details.getByText('2 KiB received')).waitFor();
  await details.getByRole('button', { name: 'Close the details' }).focus();
  await page.keyboard.press('Escape');
  await details.waitFor({ state: 'hidden' });
  assert.match(await page.evaluate(() => document.activeElement.textContent), /503/);

  // Paused: what comes is counted, and shown afterwards.
  await page.getByRole('button', { name: 'Pause list' }).click();
  await state('Paused');
  await test.ask('/orders/while-paused');
  await page.getByText('1 came since it was paused.').waitFor();
  assert.strictEqual(await requests.count(), 5);
  await page.getByRole('button', { name: 'Resume list' }).click();
  await page.getByRole('button', { name: /while-paused/ }).waitFor();

  // Filters: the server's own, kept in the address.
  await page.getByRole('checkbox', { name: '4xx' }).check();
  await page.waitForURL(/traffic\?status=4xx$/);
  await state('Live');
  assert.strictEqual(await requests.count(), 1);
  await test.ask('/orders/code/500');
  await test.ask('/orders/code/418');
  await page.getByRole('button', { name: /418/ }).waitFor();
  assert.strictEqual(await requests.count(), 2);
  await page.reload();
  await state('Live');
  assert(await page.getByRole('checkbox', { name: '4xx' }).isChecked());
  await page.getByText('Only requests that meet the filters are shown.').waitFor();
  await page.getByRole('checkbox', { name: '4xx' }).uncheck();
  await page.waitForURL(/traffic$/);
  await state('Live');

  // What is unsound is told beside its field; what was asked before goes on.
  await page.getByLabel('Method').fill('G T');
  await page.getByText('At most 16 methods, as in GET, POST.').waitFor();
  await page.getByLabel('One in').fill('0');
  await page.getByText('A whole number from 1 to 1,000,000.').waitFor();
  assert.strictEqual(await page.getByLabel('One in').getAttribute('aria-invalid'), 'true');
  await state('Live');
  await test.ask('/orders/meanwhile');
  await page.getByRole('button', { name: /meanwhile/ }).waitFor();
  await test.look('traffic-unsound');
  await page.getByLabel('One in').fill('');
  await page.getByLabel('Method').fill('');
  await page.getByLabel('Method').pressSequentially('get, post');
  await page.waitForURL(/traffic\?method=GET,POST|traffic\?method=GET%2CPOST/);
  await state('Live');
  await test.ask('/orders/typed-small');
  await page.getByRole('button', { name: /typed-small/ }).waitFor();
  await page.getByLabel('Method').fill('');
  await page.getByLabel('At least, ms').fill('50');
  await page.waitForURL(/traffic\?min_ms=50$/);
  await state('Live');
  await test.ask('/orders/quick');
  await test.ask('/orders/slow?2');
  await page.getByRole('button', { name: /slow/ }).waitFor();
  assert.strictEqual(await requests.count(), 1);
  await page.getByLabel('At least, ms').fill('');
  await page.waitForURL(/traffic$/);
  await state('Live');

  // What failed says why.
  await test.api('POST', 'v1/mounts/orders/disable');
  await test.ask('/orders/refused');
  await page.getByRole('button', { name: /refused/ }).click();
  await details.getByText('The mount was disabled.').waitFor();
  await details.getByText('not reached').waitFor();
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  assert(await details.isVisible());
  await page.setViewportSize({ width: 1440, height: 900 });
  await test.api('POST', 'v1/mounts/orders/enable');

  // As a file.
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export as HAR' }).click()]);
  assert.match(file.suggestedFilename(), /^orders-.*\.har$/);
  const text = fs.readFileSync(await file.path(), 'utf8');
  assert(!text.includes('hunter2'));
  const entries = checkHar(JSON.parse(text));
  assert.deepStrictEqual(entries.map(({ request, response }) => [new URL(request.url).pathname, response.status]), [['/orders/slow', 200], ['/orders/refused', 503]]);
  assert.strictEqual(entries[1].timings.connect, -1);

  // More than are kept, faster than they are read: the page stays quick.
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByRole('heading', { name: 'Waiting for requests…' }).or(details).first().waitFor();
  const each = async (of) => { for (let at = 0; at < 100; at += 1) await test.ask(`/orders/many/${of}/${at}`); };
  await Promise.all([0, 1, 2, 3, 4, 5].map(each));
  await page.getByText('500 requests shown. 100 older ones went').waitFor();
  await requests.nth(499).waitFor();
  assert.strictEqual(await requests.count(), 500);

  // Lost, and back by itself; then the mount is gone.
  test.offline = true;
  await test.standin.stop();
  await state('Lost');
  await test.startAgain();
  await state('Live');
  await page.getByText('were not seen: there was no connection.').waitFor();
  await test.ask('/orders/back');
  await page.getByRole('button', { name: /back/ }).waitFor();
  await test.api('DELETE', 'v1/mounts/orders');
  await page.getByRole('heading', { name: 'This mount was deleted' }).waitFor();
  await until('the stream is let go', async () => (await test.api('GET', 'v1/stats')).event_streams.open === 0);
});
