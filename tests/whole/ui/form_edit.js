// A person changes a mount: its kind, its path, which tells whose the URLs are
// then; through a loss of the server; and with tokens that may not.

const { assert, scenario, until } = require('./harness.js');

scenario(async (test) => {
  await test.start();
  const upstream = await test.upstream();
  await test.mount('a', upstream, { match: { path: '/' }, labels: { owner: 'ci' } });
  await test.mount('orgs', upstream, { limits: { queue_max: 4, queue_wait_ms_max: 200 } });
  await test.mount('people', upstream, { timeouts: { connect_ms: 500 } });

  // Edited: the other kind of mount and back keeps what was typed; moving it says whose the URLs are then.
  const page = await test.open('#/mounts/people/edit');
  const field = (name) => page.getByLabel(name, { exact: true });
  const effect = page.getByRole('region', { name: 'What saving does' });
  const says = (text) => effect.getByText(text).first().waitFor();
  await says('Nothing changes.');
  await page.getByRole('radio', { name: /Transparent/ }).check();
  await field('Upstream host').fill('127.0.0.1:9');
  await effect.getByText('force_host').waitFor();
  await test.look('form-transparent');
  await page.getByRole('radio', { name: /Regular/ }).check();
  assert.strictEqual(await field('Upstream address').inputValue(), upstream);
  await field('Path').fill('/orgs');
  await effect.getByText("Mount 'orgs' answers for /orgs already.").waitFor();
  await field('Path').fill('/people/2');
  await effect.getByText('/people moves from this mount to mount a.').waitFor();
  await says('1 member changes.');
  await page.getByLabel('Requests under way').selectOption('deadline');
  await field('Cut off after').fill('5');
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
  await page.getByText('this was not saved. Save once more when you like.').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('people: Saved as revision').waitFor();
  await until('the mount moved', async () => (await test.api('GET', 'v1/mounts/people')).match.path === '/people/2');

  // Who may only read, or only change others, sees why.
  const { token: reader } = await test.api('POST', 'v1/tokens', { name: 'reader', read_only: true });
  const read = await test.open('#/mounts/orgs/edit', { token: reader });
  await read.getByText('Your token may only read.').waitFor();
  assert.strictEqual(await read.getByRole('textbox').count(), 0);
  await test.look('form-reader', read);
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
