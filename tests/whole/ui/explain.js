// A person asks what would become of a request: which mount answers, which
// others lost and why, what the upstream gets, and why it may be refused.

const { assert, scenario } = require('./harness.js');

scenario(async (test) => {
  const { token, admin } = await test.start();
  const upstream = await test.upstream((request, response) => response.end(JSON.stringify(request.headers)));
  await test.mount('all', upstream, { match: { path: '/' } });
  await test.mount('orders', upstream, {
    match: { path: '/orders', host: 'shop.example' }, request_headers: { set: { 'X-Tier': 'gold', 'X-Api-Key': 'hunter2' } },
  });
  await test.mount('shop', upstream, { match: { path: '/', host: 'shop.example' } });
  const page = await test.open('#/explain');
  const answer = page.getByRole('region', { name: 'Answer' });
  const lost = page.getByRole('region', { name: 'Mounts that lost' });
  const compared = page.getByRole('table').filter({ hasText: 'As the upstream gets it' });
  await page.getByRole('heading', { level: 1, name: 'Explain' }).waitFor();
  await test.look('explain-empty');

  // By keyboard: a URL and Enter.
  await page.getByLabel('URL or path').focus();
  await page.keyboard.type('http://shop.example/orders/1?full');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.type('X-Mine: a\nConnection: x-mine\nAuthorization: Bearer hunter3\nX-Forwarded-For: 9.9.9.9');
  await page.getByLabel('URL or path').focus();
  await page.keyboard.press('Enter');
  await answer.getByRole('heading', { name: 'passed on orders answers it.' }).waitFor();
  await answer.getByText('shop.example/orders', { exact: true }).waitFor();
  await answer.getByText('It took /orders of the path.').waitFor();
  await answer.getByText('One more request is let in at once.').waitFor();
  await answer.getByText(`${upstream}1?full`, { exact: true }).waitFor();
  await answer.getByText(`Dialled at ${new URL(upstream).host}.`).waitFor();

  // Who lost, and why.
  await lost.getByRole('row', { name: 'shop shop.example/ Its path is shorter.' }).waitFor();
  await lost.getByRole('row', { name: 'all / Its host is less specific.' }).waitFor();

  // What the upstream gets is said as it is in truth.
  const row = (name) => compared.getByRole('row').filter({ has: page.getByRole('rowheader', { name }) });
  assert.match(await row(/^X-Mine/).innerText(), /removed/);
  assert.match(await row(/^X-Tier/).innerText(), /added[^]*gold/);
  assert.match(await row(/^X-Forwarded-For/).innerText(), /changed[^]*9\.9\.9\.9[^]*127\.0\.0\.1/);
  assert.match(await row(/^Request line/).innerText(), /changed[^]*GET \/orders\/1\?full[^]*GET \/1\?full/);
  const sent = JSON.parse((await test.ask('/orders/1', { headers: { Host: 'shop.example' } })).text);
  assert.strictEqual(sent['x-tier'], undefined, 'another host, another mount');

  // No secret is shown, nor kept in the address.
  const seen = await page.locator('main').innerText();
  assert(!seen.includes('hunter'), seen);
  assert(page.url().includes('X-Mine') && !page.url().includes('hunter'), page.url());
  await test.look('explain');
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  await page.setViewportSize({ width: 1440, height: 900 });

  // Nor one of the URL, or of a link: it is asked with, and left out of the address.
  await page.getByLabel('URL or path').fill('http://shop.example/orders/1?api_key=hunter4&page=2');
  await page.getByLabel('Header fields').fill('Referer: http://me:hunter5@shop.example/?token=hunter6&a=b');
  await page.getByLabel('URL or path').press('Enter');
  await answer.getByText(`${upstream}1?api_key=…&page=2`, { exact: true }).waitFor();
  assert.match(await row(/^Request line/).innerText(), /GET \/orders\/1\?api_key=…&page=2/);
  assert.match(await row(/^Referer/).innerText(), /http:\/\/…@shop\.example\/\?token=…&a=b/);
  await page.getByText(/fields? differs?: \d+ changed, \d+ added, \d+ removed\./).waitFor();
  assert(!(await page.locator('main').innerText()).includes('hunter'));
  assert.match(decodeURIComponent(page.url()), /url=http:\/\/shop\.example\/orders\/1\?api_key=&page=2/);
  await test.go('#/');
  await test.go(`#/explain?url=${encodeURIComponent('http://me:hunter7@shop.example/x')}`);
  await page.waitForURL(/#\/explain\?url=http%3A%2F%2Fshop\.example%2Fx/);
  assert(!page.url().includes('hunter'));
  await page.getByLabel('Header fields').fill('');
  await page.getByLabel('URL or path').fill('http://shop.example/orders/1?full');
  await page.getByLabel('URL or path').press('Enter');
  await answer.getByText(`${upstream}1?full`, { exact: true }).waitFor();

  // The address says it all: after a reload the same is told.
  await page.reload();
  await answer.getByRole('heading', { name: 'orders answers it.' }).waitFor();
  assert.strictEqual(await page.getByLabel('URL or path').inputValue(), 'http://shop.example/orders/1?full');
  await answer.getByRole('link', { name: 'orders' }).first().click();
  await page.waitForURL(/#\/mounts\/orders$/);
  await page.goBack();

  // What the mount would do just now.
  await test.api('POST', 'v1/mounts/orders/pause');
  await page.getByRole('button', { name: 'Explain' }).click();
  await answer.getByText('One more request is held until the mount is resumed.').waitFor();
  await test.api('POST', 'v1/mounts/orders/disable');
  await page.getByRole('button', { name: 'Explain' }).click();
  await answer.getByRole('heading', { name: '503 orders refuses it.' }).waitFor();
  const refusal = (await test.api('POST', 'v1/explain', { url: 'http://shop.example/orders/1' })).refusal.detail;
  assert((await answer.innerText()).toLowerCase().includes(refusal.toLowerCase()), refusal);
  await test.look('explain-refused');

  // What is unsound is said beside its field.
  await page.getByLabel('URL or path').fill('http://a b/');
  await page.getByLabel('Method').fill('G T');
  await page.keyboard.press('Enter');
  await page.getByText('It must be a URL as in').waitFor();
  await page.getByText('It must be a method token').waitFor();
  assert.strictEqual(await page.getByLabel('URL or path').getAttribute('aria-invalid'), 'true');
  await test.look('explain-unsound');
  await page.getByLabel('Method').fill('');
  await page.getByLabel('Header fields').fill('Accept: a\nnonsense');
  await page.getByLabel('URL or path').press('Enter');
  await page.getByText('Line 2 is not a field.').waitFor();

  // Hostile text is text.
  const hostile = '/<img src=x onerror=alert(1)>'.replaceAll(' ', '%20');
  await page.getByLabel('Header fields').fill('X-Odd: <b onclick=alert(1)>'.padEnd(900, 'x'));
  await page.getByLabel('URL or path').fill(hostile);
  await page.keyboard.press('Enter');
  await answer.getByText(hostile).waitFor();
  assert.strictEqual(await page.locator('main img, main b').count(), 0);
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  await page.setViewportSize({ width: 1440, height: 900 });

  // Nobody answers: a mount for it is one step away.
  await test.api('DELETE', 'v1/mounts/all');
  await page.getByLabel('Header fields').fill('');
  await page.getByLabel('URL or path').fill('http://new.example/app/x?y');
  await page.keyboard.press('Enter');
  await answer.getByRole('heading', { name: '404 Nobody answers it.' }).waitFor();
  const link = answer.getByRole('link', { name: 'Make a mount for it' });
  assert.strictEqual(await link.getAttribute('href'), '#/new?path=%2Fapp%2Fx&host=new.example');
  await test.look('explain-nobody');

  // Who may only read asks just the same, and is offered no change.
  const { token: reader } = await test.api('POST', 'v1/tokens', { name: 'reader', read_only: true });
  assert.notStrictEqual(reader, token);
  const other = await test.open('#/explain?url=http%3A%2F%2Fnew.example%2F', { token: reader });
  await other.getByRole('heading', { name: 'Nobody answers it.' }).waitFor();
  assert.strictEqual(await other.getByRole('link', { name: 'Make a mount' }).count(), 0);
  assert(admin);
});
