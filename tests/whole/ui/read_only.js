// A token that may only read, and one that may change its owner's mounts only,
// see every page, no button that would fail, and send nothing that is refused.

const { assert, scenario } = require('./harness.js');

const PAGES = ['#/', '#/mounts', '#/mounts/theirs', '#/mounts/theirs/traffic', '#/mounts/theirs/history', '#/mounts/theirs/config',
  '#/mounts/theirs/edit', '#/new', '#/explain', '#/events', '#/transfer', '#/tokens'];
const CHANGES = /^(New mount|Create|Save|Edit|Duplicate|Delete|Pause|Resume|Enable|Disable|Drain|Restart|Undo|Import( .*)?|Go back to this|Undo this change|Revoke|New token|Make a token)/;

async function tour(test, page) {
  const sent = [];
  page.on('response', (answer) => {
    const request = answer.request();
    const changes = !['GET', 'HEAD'].includes(request.method()) && !/\/v1\/explain$|dry_run=true/.test(request.url());
    if (changes) sent.push(`${request.method()} ${request.url()}`);
    if (answer.status() === 403) sent.push(`403 ${request.url()}`);
  });
  const offered = {};
  for (const hash of PAGES) {
    await test.go(hash, page);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.waitForLoadState('networkidle').catch(() => {}); // a stream may be open
    const names = await page.locator('main :is(button, a.button, summary):visible:not(:disabled)').evaluateAll((nodes) => nodes.map((node) => node.textContent.trim()));
    // A list that moves can be paused by anybody.
    const found = names.filter((name) => CHANGES.test(name) && !name.startsWith('Pause list') && !(hash === '#/events' && name === 'Pause'));
    if (found.length) offered[hash] = found;
  }
  return { offered, sent };
}

scenario(async (test) => {
  await test.start();
  const upstream = await test.upstream();
  await test.mount('theirs', upstream, { labels: { owner: 'others' } });
  await test.mount('ours', upstream, { labels: { owner: 'ci' } });
  await test.ask('/theirs');
  const reader = await test.api('POST', 'v1/tokens', { name: 'reader', read_only: true });
  const ci = await test.api('POST', 'v1/tokens', { name: 'ci', owner: 'ci' });

  const page = await test.open('#/', { token: reader.token });
  await page.getByText('may only read').waitFor();
  assert.deepStrictEqual(await tour(test, page), { offered: {}, sent: [] });
  assert.strictEqual(await page.getByRole('link', { name: 'Tokens' }).count(), 0);
  await page.keyboard.press('n'); // the key for a new mount is not there either
  assert(!page.url().includes('#/new') || page.url().endsWith('#/tokens'));

  // What is of others cannot be changed, what is of one's own can.
  const theirs = await test.open('#/mounts/theirs', { token: ci.token });
  await theirs.getByText('may change only mounts with the label owner=ci').first().waitFor();
  assert.strictEqual(await theirs.getByRole('button', { name: 'Pause' }).count(), 0);
  await test.go('#/mounts/ours', theirs);
  await theirs.getByRole('button', { name: 'Pause' }).first().waitFor();
});
