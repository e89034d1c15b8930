// Two people edit one mount: the second is told at once who changed what, and
// chooses; nothing that either wrote is lost.

const { assert, scenario } = require('./harness.js');

scenario(async (test) => {
  await test.start();
  const upstream = await test.upstream();
  await test.mount('orgs', upstream, { limits: { concurrent_requests_max: 10 } });
  const { token: carol } = await test.api('POST', 'v1/tokens', { name: 'carol' });
  const patch = (change) => test.standin.api('PATCH', 'v1/mounts/orgs', change, carol);
  const shown = async () => test.api('GET', 'v1/mounts/orgs');

  const page = await test.open('#/mounts/orgs/edit');
  const effect = page.getByRole('region', { name: 'What saving does' });
  const conflict = page.getByRole('region', { name: /this mount while you edited it/ });
  const says = (text) => effect.getByText(text).first().waitFor();
  const field = (name) => page.getByLabel(name, { exact: true });
  const save = page.getByRole('button', { name: 'Save' });
  await says('Nothing changes.');
  await page.getByText('Limits', { exact: true }).click();

  // Where nothing is edited, the form follows.
  await patch({ limits: { concurrent_requests_max: 11 } });
  await page.getByText('carol changed this mount just now').waitFor();
  assert.strictEqual(await field('Requests at a time').inputValue(), '11');

  // What only pauses the mount is nobody's loss.
  await field('Requests at a time').fill('20');
  await says('1 member changes.');
  await test.api('POST', 'v1/mounts/orgs/pause');
  await test.api('POST', 'v1/mounts/orgs/resume');
  await save.click();
  await page.getByText('orgs: Saved as revision').waitFor();
  assert.strictEqual((await shown()).limits.concurrent_requests_max, 20);

  // Somebody else changes the same and another member, and that is noticed before saving.
  await test.go('#/mounts/orgs/edit');
  await says('Nothing changes.');
  await page.getByText('Limits', { exact: true }).click();
  await field('Requests at a time').fill('30');
  await field('Tunnels at a time').fill('7');
  await says('2 members change.');
  await patch({ limits: { concurrent_requests_max: 99, queue_max: 5, queue_wait_ms_max: 100 }, labels: { team: 'shop' } });
  await page.getByText('while you edited it').waitFor();

  // Saving all the same is refused and compared: who changed what.
  await save.click();
  await conflict.getByRole('heading', { name: 'carol changed this mount while you edited it' }).waitFor();
  await page.waitForFunction(() => document.activeElement.tagName === 'H2');
  assert.strictEqual((await shown()).limits.concurrent_requests_max, 99);
  const row = (member) => conflict.getByRole('row').filter({ hasText: member }).innerText();
  assert.match(await row('concurrent_requests_max'), /both changed it\s+20\s+99\s+30/);
  assert.match(await row('tunnels_max'), /unchanged\s+7/);
  assert.match(await row('labels'), /shop.*\s+unchanged/s);
  await test.look('conflict');
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();
  await page.setViewportSize({ width: 1440, height: 900 });

  // Back to editing keeps all of it, and the difference at hand; then mine on top of theirs.
  await conflict.getByRole('button', { name: 'Back to editing' }).click();
  assert.strictEqual(await field('Requests at a time').inputValue(), '30');
  await page.getByRole('button', { name: 'Compare' }).click();
  await conflict.getByRole('button', { name: 'Keep mine on top of theirs' }).click();
  await says('2 members change.');
  assert.strictEqual(await field('Requests that wait').inputValue(), '5');
  await test.look('conflict-merged');
  await page.keyboard.press('Enter'); // the focus is on Save
  await page.waitForURL(/#\/mounts\/orgs$/);
  const merged = await shown();
  assert.deepStrictEqual([merged.limits.concurrent_requests_max, merged.limits.tunnels_max, merged.limits.queue_max, merged.labels.team], [30, 7, 5, 'shop']);

  // Theirs, and mine back again.
  await test.go('#/mounts/orgs/edit');
  await says('Nothing changes.');
  await field('Path').fill('/mine');
  await says('1 member changes.');
  await patch({ match: { path: '/theirs' } });
  await page.getByRole('button', { name: 'Compare' }).click();
  await conflict.getByRole('button', { name: 'Take theirs' }).click();
  await says('Nothing changes.');
  assert.strictEqual(await field('Path').inputValue(), '/theirs');
  await page.getByRole('button', { name: 'Bring mine back' }).click();
  await says('1 member changes.');
  assert.strictEqual(await field('Path').inputValue(), '/mine');

  // That nobody tells any more what others do is said.
  await page.route('**/v1/events*', (route) => route.fulfill({
    status: 403, contentType: 'application/problem+json',
    body: JSON.stringify({ type: 'about:blank', title: 'Forbidden', status: 403, detail: 'not from there' }),
  }));
  await page.reload();
  await page.getByText('What others do to this mount is not told any more. not from there').waitFor();
  await page.unroute('**/v1/events*');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('not told any more').waitFor({ state: 'detached' });
  await patch({ labels: { team: 'books' } });
  await page.getByText('while you edited it').waitFor();
  await page.getByRole('button', { name: 'Compare' }).click();
  await conflict.getByRole('button', { name: 'Keep mine on top of theirs' }).click();
  await says('1 member changes.');

  // Names with dots are members of their own; the number below has no place in a browser, and is not rounded.
  await test.mount('dots', upstream, { labels: { team: 'shop' } });
  await test.go('#/mounts/dots/edit?view=json');
  const json = page.getByLabel('The mount as JSON');
  await json.fill(JSON.stringify({ ...JSON.parse(await json.inputValue()), labels: { team: 'shop', 'app.kubernetes.io/name': 'mine' } }));
  await says('1 member changes.');
  await test.standin.api('PATCH', 'v1/mounts/dots', { labels: { app: 'theirs' } }, carol);
  await page.getByText('while you edited it').waitFor();
  await page.getByRole('button', { name: 'Compare' }).click();
  assert.match(await row('labels.app.kubernetes.io/name'), /unchanged\s+"mine"/);
  assert.match(await row(/labels\.app(?!\.)/), /"theirs"\s+unchanged/);
  await conflict.getByRole('button', { name: 'Take theirs' }).click();
  await says('Nothing changes.');
  const exact = '{"metadata":{"number":12345678901234567890}}';
  const patched = await fetch(new URL('v1/mounts/dots', test.standin.admin), {
    method: 'PATCH', body: exact, headers: { Authorization: `Bearer ${test.standin.token}`, 'Content-Type': 'application/merge-patch+json' },
  });
  assert.match(await patched.text(), /12345678901234567890/);
  await page.reload();
  await page.getByRole('alert').filter({ hasText: 'cannot be edited here: 12345678901234567890' }).waitFor();
  await test.go('#/mounts/orgs/edit'); // where the draft waits
  await says('1 member changes.');

  // Deleted meanwhile, it can be made anew.
  await test.standin.api('DELETE', 'v1/mounts/orgs?mode=kill', undefined, carol);
  await page.getByText('carol deleted this mount while you edited it').waitFor();
  await says('This mount was deleted meanwhile.');
  await page.getByRole('button', { name: 'Compare' }).click();
  await test.look('conflict-deleted');
  await conflict.getByRole('button', { name: 'Make it anew' }).click();
  await says('A regular mount is made.');
  await page.keyboard.press('Control+Enter');
  await page.waitForURL(/#\/mounts\/orgs$/);
  assert.strictEqual((await shown()).match.path, '/mine');
});
