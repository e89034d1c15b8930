// Answers get lost, tokens are revoked and mounts deleted while a person edits:
// the page says only what it knows, and what was typed is there again.

const { assert, scenario } = require('./harness.js');

scenario(async (test) => {
  await test.start();
  const upstream = await test.upstream();
  await test.mount('orgs', upstream);
  test.offline = true; // saves that the browser hears nothing of
  const page = await test.open('#/mounts/orgs/edit');
  const field = (name, on = page) => on.getByLabel(name, { exact: true });
  const effect = page.getByRole('region', { name: 'What saving does' });
  const says = (text) => effect.getByText(text).first().waitFor();
  const save = page.getByRole('button', { name: /^(Save|Create mount)$/ });

  /** Saves; the page gets no answer, and the server gets it whenever the returned function is called. */
  const saveUnheard = async () => {
    let late;
    const isSave = (url) => url.pathname.startsWith('/v1/mounts') && !url.search.includes('dry_run');
    const catchIt = async (route) => {
      const request = route.request();
      if (!['PUT', 'POST'].includes(request.method())) return route.fallback();
      const { authorization, 'if-match': match } = request.headers();
      const headers = { Authorization: authorization, 'Content-Type': 'application/json', ...(match ? { 'If-Match': match } : {}) };
      late = async () => {
        const answer = await fetch(request.url(), { method: request.method(), headers, body: request.postData() });
        return answer.status;
      };
      await route.abort('connectionreset');
    };
    await page.route(isSave, catchIt);
    await save.click();
    await says('has not saved this so far. It is still not known');
    await page.unroute(isSave, catchIt);
    return late;
  };

  // What comes late is found, and told as the revision that it is.
  await field('Path').fill('/late');
  await says('1 member changes.');
  let late = await saveUnheard();
  await test.look('form-unknown');
  assert.strictEqual(await late(), 200);
  await page.getByText('orgs: It was saved after all, as revision 2.').waitFor();
  await page.waitForURL(/#\/mounts\/orgs$/);

  // What was typed meanwhile is not lost by that.
  await test.go('#/mounts/orgs/edit');
  await field('Path').fill('/later');
  await says('1 member changes.');
  late = await saveUnheard();
  await field('Path').fill('/latest');
  assert.strictEqual(await late(), 200);
  await says('What you had sent was saved after all, as revision 3. What you typed since then is not.');
  await says('1 member changes.');
  assert.strictEqual(await field('Path').inputValue(), '/latest');

  // Saved once more though the first came late: that it is there is no conflict.
  late = await saveUnheard();
  assert.strictEqual(await late(), 200);
  await save.click();
  await page.getByText(/orgs: (It was saved after all, as|Saved as) revision 4\./).waitFor();
  assert.strictEqual((await test.api('GET', 'v1/mounts/orgs')).revision, 4);

  // What somebody else made impossible is told at once; what never came, after a while.
  await test.go('#/mounts/orgs/edit');
  await field('Path').fill('/mine');
  await says('1 member changes.');
  late = await saveUnheard();
  await test.api('PATCH', 'v1/mounts/orgs', { labels: { team: 'shop' } });
  await says('This was not saved, and will not be: the server has another version by now.');
  assert.strictEqual(await late(), 412);
  await page.getByRole('button', { name: 'Keep mine on top of theirs' }).click();
  await says('1 member changes.');
  await page.clock.install();
  await saveUnheard();
  await page.clock.fastForward(31_000);
  await says('It had not been saved 30 s after the server answered again. Saving once more is safe');
  await save.click();
  await page.getByText('orgs: Saved as revision 6.').waitFor();

  // A new mount likewise, whose id nobody knows yet.
  await test.go('#/new');
  await field('Path').fill('/fresh');
  await field('Upstream address').fill(upstream);
  await says('Its id is generated when it is made.');
  assert.strictEqual(await effect.getByText(/"m-/).count(), 0);
  late = await saveUnheard();
  assert.strictEqual(await late(), 201);
  await page.getByText(/m-\w+: It was saved after all, as revision 7\./).waitFor();

  // Prefilled by the address, whatever else is being made in this tab.
  await test.go('#/new');
  await field('Path').fill('/unfinished');
  await says('It cannot be saved yet');
  await test.go('#/new?id=named');
  await page.waitForFunction(() => [...document.querySelectorAll('input')].some((input) => input.value === 'named'));
  assert.strictEqual(await field('Id').inputValue(), 'named');
  assert.strictEqual(await field('Path').inputValue(), '');
  await test.go('#/new');
  await page.getByText('which are not saved yet').waitFor();
  assert.strictEqual(await field('Path').inputValue(), '/unfinished');

  // What no mount can say yet is kept, too: JSON and names that are half typed.
  const openAll = () => page.locator('details.section').evaluateAll((sections) => sections.forEach((section) => { section.open = true; }));
  const labels = page.getByRole('group', { name: 'Labels', exact: true });
  await test.go('#/mounts/orgs/edit');
  await says('Nothing changes.');
  await openAll();
  await field('Metadata').fill('{"half": ');
  await page.waitForFunction(() => sessionStorage.getItem('standin-draft:mounts/orgs'));
  for (const index of [1, 2]) {
    await labels.getByRole('button', { name: 'Add name' }).click();
    await labels.getByLabel('Labels: name').nth(index).fill('twice');
    await labels.getByLabel('Labels: text').nth(index).fill(`value ${index}`);
  }
  await test.go('#/mounts/orgs');
  await page.getByText('Edit orgs: what you edited is not saved, and kept in this tab.', { exact: true }).waitFor();
  await test.go('#/mounts/orgs/edit');
  await page.getByText('which are not saved yet').waitFor();
  await openAll();
  assert.strictEqual(await field('Metadata').inputValue(), '{"half": ');
  await page.getByText('“twice” is there twice.', { exact: true }).waitFor();
  assert.deepStrictEqual(await labels.locator('input').evaluateAll((inputs) => inputs.map(({ value }) => value)), ['team', 'shop', 'twice', 'value 1', 'twice', 'value 2']);
  await page.getByRole('button', { name: 'Discard them' }).click();
  assert.strictEqual(await field('Metadata').inputValue(), '');
  assert.strictEqual(await labels.locator('input').count(), 2);
  await says('Nothing changes.');
  assert.strictEqual(await page.evaluate(() => sessionStorage.getItem('standin-draft:mounts/orgs')), null);

  // The token is revoked, and replaced by one of another name.
  const { token: first } = await test.api('POST', 'v1/tokens', { name: 'first' });
  const { token: second } = await test.api('POST', 'v1/tokens', { name: 'second' });
  const tab = await test.open('#/mounts/orgs/edit', { token: first });
  await field('Path', tab).fill('/kept');
  await tab.getByText('1 member changes.').waitFor();
  await test.api('DELETE', 'v1/tokens/first');
  await field('Path', tab).fill('/kept/too');
  await tab.getByLabel('Token').fill(second);
  await tab.getByRole('button', { name: 'Continue' }).click();
  await tab.getByText('begun with the token first').waitFor();
  assert.strictEqual(await field('Path', tab).inputValue(), '/kept/too');
  assert.strictEqual(await tab.getByRole('button', { name: 'Go on editing' }).count(), 0);

  // The mount is deleted while the form is not open.
  tab.on('dialog', (dialog) => dialog.accept());
  await test.go('#/tokens', tab);
  await test.api('DELETE', 'v1/mounts/orgs?mode=kill');
  await tab.getByRole('button', { name: 'Go on editing' }).click();
  await tab.getByRole('heading', { name: 'There is no such mount' }).waitFor();
  await test.look('form-missing', tab);
  await tab.getByRole('button', { name: 'Make it anew with what you edited' }).click();
  await tab.getByText('A regular mount is made.').waitFor();
  await tab.getByRole('button', { name: 'Save' }).click();
  await tab.getByText(/orgs: Saved as revision/).waitFor();
  assert.strictEqual((await test.api('GET', 'v1/mounts/orgs')).match.path, '/kept/too');
});
