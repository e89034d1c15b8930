// Whatever a mount, a request or an upstream says is text on every page: never
// an element, never a script. The policy of the page would not let it be one.

const { assert, scenario, until } = require('./harness.js');

const MARKUP = '<img src=x onerror="window.pwned = 1"><script>window.pwned = 2</script>';

scenario(async (test) => {
  await test.start();
  const policy = (await fetch(test.standin.admin)).headers.get('content-security-policy');
  assert.match(policy, /default-src 'self'/);
  assert.match(policy, /require-trusted-types-for 'script'/);
  assert(!policy.includes('unsafe'), policy);

  const upstream = await test.upstream((request, response) => {
    response.setHeader('X-Said', MARKUP);
    response.writeHead(503, MARKUP.replace(/[^ -~]/g, ''));
    response.end(MARKUP);
  });
  await test.mount('hostile', upstream, {
    labels: { team: MARKUP },
    metadata: { note: MARKUP, [MARKUP]: [MARKUP] },
    request_headers: { set: { 'X-Sent': MARKUP }, add: {}, remove: [] },
    match: { path: `/hostile/${encodeURIComponent(MARKUP)}` },
  });
  await test.api('PATCH', 'v1/mounts/hostile', { labels: { constructor: 'a name that every object has' } });
  const why = await fetch(new URL('v1/mounts/hostile/pause', test.standin.admin), {
    method: 'POST', headers: { Authorization: `Bearer ${test.standin.token}`, 'X-Reason': MARKUP },
  });
  assert(why.ok, await why.text());
  await test.api('POST', 'v1/mounts/hostile/resume');
  const ask = () => test.ask(`/hostile/${encodeURIComponent(MARKUP)}?q=${encodeURIComponent(MARKUP)}`, { headers: { 'X-Asked': MARKUP } });
  assert.strictEqual((await ask()).status, 503);

  const page = await test.open('#/');
  const isText = async (where, seen = true) => {
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    if (seen) await page.getByText('onerror=').first().waitFor({ state: 'attached' });
    assert.strictEqual(await page.evaluate(() => window.pwned), undefined, where);
    assert.strictEqual(await page.locator('main img, main script, dialog img').count(), 0, where);
  };
  const visit = async (hash, seen) => {
    await test.go(hash);
    await isText(hash, seen);
    await test.fits();
  };
  await page.setViewportSize({ width: 390, height: 844 });
  await isText('overview', false);
  await visit('#/mounts', false);
  await visit('#/mounts?search=onerror', false);
  await page.locator('main a[href="#/mounts/hostile"]').first().waitFor();
  await visit(`#/mounts?label=${encodeURIComponent(`team=${MARKUP}`)}`, false);
  await visit('#/mounts/hostile');
  await visit('#/mounts/hostile/history');
  await page.getByText('labels.constructor').waitFor();
  await visit('#/mounts/hostile/config');
  await visit('#/mounts/hostile/edit', false);
  await visit('#/mounts/hostile/traffic', false);
  await until('the request in the live traffic', async () => {
    await ask();
    return (await page.locator('main').innerText()).includes('onerror');
  });
  await isText('traffic');
  await visit(`#/explain?url=${encodeURIComponent(`http://127.0.0.1/hostile/${encodeURIComponent(MARKUP)}`)}`, false);
  await page.getByText('X-Sent').first().waitFor();
  await isText('explain');
  await visit('#/events');
  await visit('#/transfer', false);
  await visit('#/tokens', false);
  await visit(`#/mounts/${encodeURIComponent(MARKUP)}`, false);
  await visit(`#/${encodeURIComponent(MARKUP)}`, false);

  // What writes markup anyway is stopped by the browser itself.
  const stopped = await page.evaluate(() => {
    try { document.createElement('p').innerHTML = '<b>'; return false; } catch { return true; }
  });
  assert(stopped, 'markup from a string is not refused');
  const told = await until('the complaint', () => test.complaints.pop());
  assert.match(told, /TrustedHTML/);
});
