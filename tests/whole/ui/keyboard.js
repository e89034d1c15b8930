// A person without a mouse does all that matters: signs in, makes a mount,
// changes it, acts on it, finds it in the table, deletes it and takes that back.

const { assert, scenario } = require('./harness.js');

const STEPS_MAX = 80;

scenario(async (test) => {
  const { token } = await test.start();
  const upstream = await test.upstream();
  const page = await test.open('#/', { token: '' });
  const { keyboard } = page;

  /** What has the focus: its role and what it is called. */
  const focused = () => page.evaluate(() => {
    const node = document.activeElement;
    const name = node.getAttribute('aria-label') ?? node.labels?.[0]?.textContent ?? node.textContent;
    return { tag: node.localName, name: name.trim(), seen: node.matches(':focus-visible') };
  });
  /** Goes on by Tab until something of that name has the focus, which must be seen. */
  const tabTo = async (name, tag) => {
    for (let step = 0; step < STEPS_MAX; step += 1) {
      await keyboard.press('Tab');
      const now = await focused();
      if (now.name.startsWith(name) && (!tag || now.tag === tag)) {
        assert(now.seen, `the focus on ${name} is not seen`);
        return;
      }
    }
    assert.fail(`${name} is not reached by Tab`);
  };
  const heading = (name) => page.getByRole('heading', { level: 1, name }).waitFor();

  await heading('Token needed');
  await keyboard.type(token);
  await keyboard.press('Enter');
  await heading('Overview');

  // On a page that was just opened, the first Tab leads past the navigation.
  await page.reload();
  await heading('Overview');
  await keyboard.press('Tab');
  assert.strictEqual((await focused()).name, 'Skip to the page');

  // Making a mount.
  await keyboard.press('n');
  await heading('New mount');
  await tabTo('Path', 'input');
  await keyboard.press('Control+a');
  await keyboard.type('/keys');
  await tabTo('Upstream address', 'input');
  await keyboard.type(upstream);
  await keyboard.press('Control+Enter');
  await page.waitForURL(/#\/mounts\/[a-z0-9._-]+$/);
  const id = page.url().split('/').pop();
  assert.strictEqual((await test.ask('/keys/')).status, 200);

  // Acting on it.
  await tabTo('Pause', 'button');
  await keyboard.press('Enter');
  await page.getByRole('button', { name: 'Resume' }).waitFor();
  await tabTo('Resume', 'button');
  await keyboard.press('Space');
  await page.getByRole('button', { name: 'Pause' }).waitFor();

  // Finding it: the table by arrows, then the search.
  await keyboard.press('g');
  await keyboard.press('m');
  await heading('Mounts');
  await page.getByRole('link', { name: id }).first().waitFor();
  await keyboard.press('/');
  await keyboard.type('keys');
  await page.waitForURL(/search=keys/);
  await page.getByRole('link', { name: id }).first().waitFor();
  for (let step = 0; step < STEPS_MAX; step += 1) {
    await keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement.getAttribute('role') === 'row')) break;
  }
  await keyboard.press('ArrowDown');
  await keyboard.press('Enter');
  await heading(id);

  // Deleting it asks; Escape is no; Undo is reached, too.
  await tabTo('Delete', 'button');
  await keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.match((await focused()).name, /^Delete/); // the focus is back where it was
  await keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await tabTo('Delete', 'button');
  await keyboard.press('Enter');
  await page.getByText(`${id} is deleted`).waitFor();
  assert.strictEqual((await test.ask('/keys/')).status, 404);
  await tabTo('Undo', 'button');
  await keyboard.press('Enter');
  await page.getByText('is as it was').first().waitFor();
  assert.strictEqual((await test.ask('/keys/')).status, 200);

  // Colours, by arrows in their group.
  for (let step = 0; step < STEPS_MAX; step += 1) {
    await keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement.name === 'theme')) break;
  }
  await keyboard.press('ArrowLeft');
  assert.strictEqual(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
});
