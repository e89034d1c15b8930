// A person copies a mount, and changes one: its kind, and its path, which tells
// whose the URLs are then; also while the server goes away, and with tokens that
// may not.

const { assert, scenario, until } = require('./harness.js');

scenario(async (test) => {
  await test.start();
  const upstream = await test.upstream();
  await test.mount('a', upstream, { match: { path: '/' }, labels: { owner: 'ci' } });
  await test.mount('orgs', upstream, { timeouts: { connect_ms: 500 }, request_headers: { set: { 'X-Team': '<b>blue</b>' } } });
  const other = await test.upstream((request, response) => response.end(`other, with ${request.headers['x-team']}\n`));

  const page = await test.open('#/new?from=orgs');
  const field = (name) => page.getByLabel(name, { exact: true });
  const effect = page.getByRole('region', { name: 'What saving does' });
  const says = (text) => effect.getByText(text).first().waitFor();

  // A copy has no id and needs another match; the one in the way is a link.
  await page.getByRole('heading', { level: 1, name: 'Copy of orgs' }).waitFor();
  assert.strictEqual(await field('Id').inputValue(), '');
  await effect.getByRole('link', { name: 'See orgs' }).waitFor();
  assert.strictEqual(await field('Path').getAttribute('aria-invalid'), 'true');
  await test.look('form-copy');
  await field('Id').fill('people');
  await field('Path').fill('/people');
  await field('Upstream address').fill(other);
  await says('A regular mount is made.');
  await page.getByRole('button', { name: 'Create mount' }).click();
  await page.waitForURL(/#\/mounts\/people$/);
  assert.strictEqual((await test.ask('/people')).text, 'other, with <b>blue</b>\n');

  // Edited: the other kind of mount and back keeps what was typed; moving it says whose the URLs are then.
  await test.go('#/mounts/people/edit');
  await says('Nothing changes.');
  await page.getByRole('radio', { name: /Transparent/ }).check();
  await field('Upstream host').fill('127.0.0.1:9');
  await effect.getByText('force_host').waitFor();
  await page.getByRole('radio', { name: /Regular/ }).check();
  assert.strictEqual(await field('Upstream address').inputValue(), other);
  await field('Path').fill('/orgs');
  await effect.getByText("Mount 'orgs' answers for /orgs already.").waitFor();
  await field('Path').fill('/people/2');
  await effect.getByText('/people moves from this mount to mount a.').waitFor();
  await says('1 member changes.');
  await page.getByLabel('Requests under way').selectOption('deadline');
  await field('Cut off after').fill('5');
  await page.locator('details.section').evaluateAll((sections) => sections.forEach((section) => { section.open = true; }));
  await page.getByRole('button', { name: 'Add rule' }).click();
  await page.getByLabel('Search for').fill('here');
  await test.look('form-edit');
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  await page.setViewportSize({ width: 1440, height: 900 });

  // No answer: nothing is said to be saved, nothing typed is lost, and what became of it is found out.
  test.offline = true;
  const { token } = test.standin;
  await test.standin.stop();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('it is not known whether this was saved').waitFor();
  assert.strictEqual(await field('Path').inputValue(), '/people/2');
  await test.startAgain();
  assert.strictEqual(test.standin.token, token);
  await page.getByText('has not saved this so far').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL(/#\/mounts\/people$/);
  await until('the mount moved', async () => (await test.api('GET', 'v1/mounts/people')).match.path === '/people/2');

  // Who may only read, or only change others, sees why.
  const { token: reader } = await test.api('POST', 'v1/tokens', { name: 'reader', read_only: true });
  const read = await test.open('#/mounts/orgs/edit', { token: reader });
  await read.getByText('Your token may only read.').waitFor();
  assert.strictEqual(await read.getByRole('textbox').count(), 0);
  const { token: owner } = await test.api('POST', 'v1/tokens', { name: 'team', owner: 'ci' });
  const team = await test.open('#/mounts/orgs/edit', { token: owner });
  await team.getByText('only mounts with the label owner=ci').waitFor();
  await test.go('#/new?path=/mine&id=mine', team);
  await team.getByText('which is filled in').waitFor();
  await team.getByLabel('Upstream address').fill(upstream);
  await team.getByRole('button', { name: 'Create mount' }).click();
  await team.waitForURL(/#\/mounts\/mine$/);
  assert.strictEqual((await test.api('GET', 'v1/mounts/mine')).labels.owner, 'ci');
});
