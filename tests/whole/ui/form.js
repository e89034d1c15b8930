// A person makes a mount with faults shown beside the fields, sees before
// saving which URLs change owner, edits the same thing as JSON, copies it, and
// loses nothing on the way.

const { assert, scenario } = require('./harness.js');

scenario(async (test) => {
  await test.start();
  const upstream = await test.upstream();
  const other = await test.upstream((request, response) => response.end(`other, with ${request.headers['x-team']}\n`));
  await test.mount('a', upstream, { match: { path: '/' }, labels: { owner: 'ci' } });
  const page = await test.open('#/new');
  const field = (name) => page.getByLabel(name, { exact: true });
  const effect = page.getByRole('region', { name: 'What saving does' });
  const says = (text) => effect.getByText(text).first().waitFor();

  // Faults of fields that nobody has touched are not shown; those of others are, beside them.
  await says('It cannot be saved yet: 1 thing is missing or wrong.');
  assert.strictEqual(await page.locator('[aria-invalid=true]').count(), 0);
  await test.look('form-new');
  await field('Upstream address').fill('ftp://nowhere/');
  await page.getByText("The scheme 'ftp' is not supported").waitFor();
  assert.strictEqual(await field('Upstream address').getAttribute('aria-invalid'), 'true');
  await field('Upstream address').fill('');
  await field('Id').fill('orgs');
  await field('Path').fill('/orgs');

  // Enter saves; what is missing is shown and has the focus, also in a section that was closed.
  await page.getByText('Time limits').click();
  await field('Connecting').fill('0');
  await page.getByText('Time limits').click();
  await field('Path').press('Enter');
  await page.getByText('Is missing: a regular mount needs one').waitFor();
  await page.waitForFunction(() => document.activeElement.labels?.[0].textContent === 'Upstream address');
  await page.getByText('1 fault', { exact: true }).waitFor();
  await test.look('form-faults');
  await field('Upstream address').fill(upstream);
  await field('Upstream address').press('Enter');
  await page.getByText('Must be a whole number from 1 to 604800000.').waitFor();
  await page.waitForFunction(() => document.activeElement.labels?.[0].textContent === 'Connecting');
  await field('Connecting').fill('500');

  // Which URLs change owner is said before anything is saved.
  await says('A regular mount is made.');
  await effect.getByText('/orgs moves from mount a to this one.').waitFor();
  assert.strictEqual((await test.ask('/orgs/1')).text, 'hello from /orgs/1\n');

  // The same object as JSON; edits of either show in the other.
  await page.getByRole('link', { name: 'JSON' }).click();
  const json = page.getByLabel('The mount as JSON');
  const sound = await json.inputValue();
  assert.deepStrictEqual(JSON.parse(sound), { id: 'orgs', kind: 'regular', match: { path: '/orgs' }, address: upstream, timeouts: { connect_ms: 500 } });
  await json.fill(sound.replace('"kind"', '\n"limits": { "queue_max": 4 "queue_wait_ms_max": 200 },\n"kind"'));
  await page.getByText('Line 4, column 28: a comma or } is missing before “"queue_wait_ms_max"”.').first().waitFor();
  await says('It cannot be saved: the JSON is not sound.');
  await test.look('form-json');
  await page.getByRole('link', { name: 'Form' }).click();
  await page.getByText('The JSON is not sound, so this form shows the last that was.').waitFor();
  assert(await field('Path').isDisabled());
  await page.getByRole('button', { name: 'Back to JSON' }).click();
  assert((await json.inputValue()).includes('"queue_max": 4 "queue_wait'));
  await page.getByRole('button', { name: 'Go there' }).click();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.type(',');
  await page.getByRole('link', { name: 'Form' }).click();
  await page.getByText('Requests that wait 4, Longest wait 200').waitFor();
  assert(page.url().includes('#/new'));

  // Left without saving, it is kept, and there again.
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByRole('button', { name: 'Go on editing' }).click();
  await page.getByText('which are not saved yet').waitFor();
  assert.strictEqual(await field('Path').inputValue(), '/orgs');
  page.on('dialog', (dialog) => dialog.accept());
  await page.reload();
  await page.getByText('which are not saved yet').waitFor();
  assert.strictEqual(await field('Upstream address').inputValue(), upstream);
  await test.look('form-draft');

  // A header with a hostile value, by keyboard; then saved, with a reason.
  await page.getByText('Header edits').click();
  const set = page.getByRole('group', { name: 'Set in requests' });
  await set.getByRole('button', { name: 'Add header field' }).focus();
  await page.keyboard.press('Enter');
  await page.keyboard.type('X-Team');
  await page.keyboard.press('Tab');
  await page.keyboard.type('<img src=x onerror=alert(1)>');
  await effect.getByText('X-Team').waitFor();
  await field('Reason (optional)').fill('für dich');
  await page.keyboard.press('Control+Enter');
  await page.getByText('of ASCII only').waitFor();
  await field('Reason (optional)').fill('release 12');
  await page.keyboard.press('Control+Enter');
  await page.getByText('orgs: Saved as revision 2.').waitFor();
  await page.waitForURL(/#\/mounts\/orgs$/);
  const made = await test.api('GET', 'v1/mounts/orgs');
  assert.strictEqual(made.limits.queue_max, 4);
  assert.strictEqual(made.request_headers.set['X-Team'], '<img src=x onerror=alert(1)>');
  assert.strictEqual((await test.api('GET', 'v1/revisions/2')).why, 'release 12');
  assert.strictEqual((await test.ask('/orgs/1')).text, 'hello from /1\n');

  // A copy has no id and needs another match; the one in the way is a link.
  await test.go('#/new?from=orgs');
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
  assert.strictEqual((await test.ask('/people')).text, 'other, with <img src=x onerror=alert(1)>\n');
});
