// A person gives others tokens: what each may is said in words, its value can
// be had once and never stands in the page, and it is revoked again.

const childProcess = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { assert, scenario } = require('./harness.js');

/** Notes in the page whenever anything in it holds a token's value. */
const guard = () => {
  window.leaks = [];
  const look = () => {
    const fields = [...document.querySelectorAll('input, textarea')].map((field) => field.value).join(' ');
    if (/standin_[0-9a-f]{8}/.test(`${document.documentElement.outerHTML} ${document.title} ${location.href} ${fields}`)) window.leaks.push(document.activeElement?.textContent);
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
};

scenario(async (test) => {
  const { admin, child } = await test.start();
  const page = await test.open('#/');
  await page.evaluate(guard);
  await page.getByRole('link', { name: 'Tokens' }).click();
  await page.getByRole('heading', { level: 1, name: 'Tokens' }).waitFor();
  const row = (name, within = page) => within.getByRole('row').filter({ has: within.getByRole('rowheader', { name }) });
  await row(/^admin/).getByText('yours').waitFor();
  await row(/^admin/).getByText('Everything').waitFor();
  await row(/^admin/).getByText('not revoked here').waitFor();

  // A bad name is told beside the field, by the server.
  await page.getByRole('button', { name: 'New token' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('No Name');
  await page.keyboard.press('Enter');
  await dialog.getByText('It must be 1 to 63 of a-z').waitFor();
  await dialog.getByLabel('Change the mounts of one owner').check();
  await test.look('tokens-new');
  await dialog.getByLabel('Name').fill('ci');
  await dialog.getByLabel('Owner', { exact: true }).fill('<b>shop</b>');
  await page.keyboard.press('Enter');

  // Copied by key, and saved; what the dialog says to do with it works.
  await page.getByRole('dialog', { name: 'The token ci is made' }).waitFor();
  await dialog.getByText('It is not shown, and once this is closed it cannot be had again.').waitFor();
  await page.keyboard.press('Enter');
  await dialog.getByText('It is in the clipboard.').waitFor();
  const value = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(value, /^standin_[0-9a-f]{64}$/);
  assert.deepStrictEqual(await test.api('GET', 'v1/caller', undefined, value), { name: 'ci', read_only: false, owner: '<b>shop</b>' });
  const [saved] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Save as a file' }).click()]);
  assert.strictEqual(saved.suggestedFilename(), 'ci.token');
  await saved.saveAs(path.join(test.directory, 'ci.token'));
  assert.strictEqual(fs.readFileSync(path.join(test.directory, 'ci.token'), 'utf8'), `${value}\n`);
  await test.look('tokens-value');
  const shell = (command) => childProcess.execFileSync('bash', ['-c', command.replace(/^standin /, `"$STANDIN" `)], {
    cwd: test.directory, env: { PATH: process.env.PATH, HOME: test.directory, STANDIN: child.spawnfile }, encoding: 'utf8', timeout: 10_000, stdio: ['ignore', 'pipe', 'ignore'],
  });
  await test.mount('orders', await test.upstream());
  assert.match(shell(await dialog.getByLabel('With the command line').innerText()), /orders/);
  assert.match(shell(await dialog.getByLabel('With curl').innerText()), /"id":"orders"/);
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await row('ci').getByText('Reads all, changes mounts of <b>shop</b>').waitFor();
  await test.fits();
  await page.setViewportSize({ width: 1440, height: 900 });
  assert.strictEqual(await page.locator('main b').count(), 0);

  // The same name once more is refused; one that nobody took is told, and revoked.
  await page.getByRole('button', { name: 'New token' }).click();
  await dialog.getByLabel('Name').fill('ci');
  await page.keyboard.press('Enter');
  await dialog.getByText("there is a token 'ci' already").waitFor();
  await dialog.getByLabel('Name').fill('lost');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'The token lost is made' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByText('The token lost was neither copied nor saved').waitFor();
  await row('lost').getByText('Only reads').waitFor();
  await row('lost').getByText('not since the server started').waitFor();
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  await page.getByRole('button', { name: 'New token' }).focus();
  await page.getByRole('button', { name: 'Revoke it' }).click();
  await row('lost').waitFor({ state: 'detached' });
  await page.getByText('The token lost was neither').waitFor({ state: 'detached' });
  assert.strictEqual(await focused(), 'New token', 'where the focus was before');

  // What others do is seen by itself.
  const { token: governor } = await test.api('POST', 'v1/tokens', { name: 'second' });
  await test.api('GET', 'v1/caller', undefined, governor);
  await row('second').getByText(/now|ago/).nth(1).waitFor();
  await test.look('tokens');

  // Revoked, after being asked; by then it is refused.
  await page.getByRole('button', { name: 'Revoke ci' }).click();
  await page.getByRole('dialog', { name: 'Revoke ci?' }).getByText('It was last used').waitFor();
  await test.look('tokens-revoke');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await test.api('GET', 'v1/caller', undefined, value);
  await page.getByRole('button', { name: 'Revoke ci' }).click();
  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('ci is revoked.').waitFor();
  await row('ci').waitFor({ state: 'detached' });
  assert.strictEqual(await focused(), 'Tokens', 'the button that had it is gone');
  await page.getByRole('button', { name: 'Dismiss' }).click();
  assert.strictEqual(await focused(), 'Tokens');
  assert.strictEqual((await fetch(`${admin}v1/caller`, { headers: { Authorization: `Bearer ${value}` } })).status, 401);
  assert.deepStrictEqual(await page.evaluate(() => window.leaks), []);

  // The token in use may be revoked, after a warning; then another one is asked for.
  const other = await test.open('#/tokens', { token: governor });
  await other.getByRole('button', { name: 'Revoke second' }).click();
  await other.getByText('This is the token you use now:').waitFor();
  await other.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await other.getByRole('heading', { name: 'Token needed' }).waitFor();
  assert.strictEqual(await other.locator('header .pill').innerText(), 'Signed out');

  // Who may not see the others is told so.
  const { token: reader } = await test.api('POST', 'v1/tokens', { name: 'reader', read_only: true });
  const limited = await test.open('#/tokens', { token: reader });
  await limited.getByRole('heading', { name: 'Your token may not see the others' }).waitFor();
  assert.strictEqual(await limited.getByRole('link', { name: 'Tokens' }).count(), 0);
  await test.look('tokens-reader', limited);
});
