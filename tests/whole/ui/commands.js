// A person copies a mount as JSON, as curl and as the command line, and runs
// what was copied, as it stands, in a shell: the mount is then the same.

const childProcess = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { assert, scenario } = require('./harness.js');

const HASH = '$2y$05$7EFxl1UNhLhcCPiX3cnHfOnpDTT8Ql1lIsIZhRJWo4Z.qmY6iM2Oi'; // of nobody's password

scenario(async (test) => {
  const { admin } = await test.start();
  const { directory } = test;
  const upstream = await test.upstream();
  // The shell has the server's data where a server of this user keeps them.
  fs.mkdirSync(path.join(directory, '.local/state'), { recursive: true });
  fs.symlinkSync(path.join(directory, 'data'), path.join(directory, '.local/state/standin'));
  const tools = path.join(directory, 'bin');
  fs.mkdirSync(tools);
  fs.symlinkSync(test.standin.binary, path.join(tools, 'standin'));
  const files = { htpasswd: `ada:${HASH}\n`, 'it is a key': `k1:${Buffer.alloc(32, 7).toString('base64')}\n` };
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(directory, name), text, { mode: 0o600 });
  const run = (command) => childProcess.execFileSync('sh', ['-ec', command], {
    env: { HOME: directory, PATH: `${tools}:${process.env.PATH}` }, cwd: directory, encoding: 'utf8', timeout: 10_000,
  });

  const hostile = `it's "$(touch ran)" \`touch ran\` $HOME \\ !! ; & | <b> # ä`;
  const regular = { kind: 'regular', address: upstream };
  const mounts = {
    plain: { ...regular, match: { path: '/plain' } },
    full: {
      ...regular, match: { host: '*.example.org:8080', path: '/a;b\'c/$x' }, address: 'https://127.0.0.1:1/base/', strip_prefix: false, host_header: 'preserve',
      allowed_request_methods: ['GET', 'X-!#$%&\'*+.^_`|~'], suppress_http_headers: ['-x', 'cookie'], allow_addresses: ['169.254.1.0/24'],
      tls: { server_name: 'other.example', min_version: '1.3', insecure_skip_verify: true },
      forwarded: { via: 'off', x_forwarded_for: 'append', trusted_peers: ['10.0.0.0/8', '::1/128'] },
      identity: { basic: { htpasswd_file: path.join(directory, 'htpasswd') }, headers: { 'X-User': '{user}' }, sign: { keys_file: path.join(directory, 'it is a key'), key_id: 'k1' } },
      rewrite: { location: true, cookies: true }, traceparent: 'ensure',
      request_headers: { set: { 'X-Who': 'a "quoted" $HOME \'value\'', 'X-Empty': '' }, remove: ['x-gone'] }, response_headers: { set: { 'X-Id': '{request_id}' } },
      limits: { tunnels_max: 7, requests_per_s_max: 100 }, timeouts: { total_ms: 60000, idle_ms: 5000 },
      enabled: false, labels: { owner: 'ci', note: hostile, empty: '' }, metadata: { note: `${hostile}\nEOF\n`, list: [1, null, { deep: [] }] },
      lease: { ttl_s: 86400, on_expiry: 'disable' },
    },
    transparent: { kind: 'transparent', match: { path: '/transparent' }, allowed_hosts: ['example.org', '*.example.net:81'], labels: { owner: 'ci' } },
    forced: { kind: 'transparent', match: { host: 'forced.example', path: '/' }, force_host: '127.0.0.1:1', force_scheme: 'http' },
    // What the arguments cannot say.
    special: {
      ...regular, match: { path: '/special' }, disallowed_status: 400, response_headers: { add: { 'X-Two': hostile.slice(0, -2) } },
      limits: { tunnels_max: null, concurrent_requests_max: null }, metadata: { note: `${hostile}\nEOF\n` },
    },
  };
  for (const [id, spec] of Object.entries(mounts)) await test.api('PUT', `v1/mounts/${id}`, spec);
  await test.api('POST', 'v1/mounts/transparent/pause');

  const page = await test.open('#/mounts/plain/config');
  const kept = async (id) => (await test.api('GET', `v1/mounts/${id}/revisions?limit=1`)).revisions[0].after;
  /** A command as it is shown, which is what the button beside it copies. */
  const copied = async (name) => {
    const text = page.getByRole('region', { name, exact: true });
    const shown = await text.textContent();
    if (name.startsWith('Make it')) {
      await text.locator('xpath=..').getByRole('button', { name: 'Copy' }).click();
      assert.strictEqual(await page.evaluate(() => navigator.clipboard.readText()), shown);
    }
    return shown;
  };

  for (const id of Object.keys(mounts)) {
    await test.go(`#/mounts/${id}/config`);
    await page.getByRole('heading', { level: 1, name: id }).waitFor();
    const before = await kept(id);
    assert(before);
    for (const tool of ['curl', 'command line']) {
      const names = ['Make it', ...(before.paused ? ['Pause it'] : []), 'Show it', 'Change a part of it', 'Delete it'];
      const told = {};
      for (const name of names) told[name] = await copied(`${name}, ${tool}`);
      run(told['Delete it']);
      assert.strictEqual(await kept(id), null);
      run(told['Make it']);
      if (before.paused) run(told['Pause it']);
      assert.deepStrictEqual(await kept(id), before, `${id}, ${tool}`);
      assert.strictEqual(JSON.parse(run(told['Show it'])).id, id);
      run(told['Change a part of it']);
      assert.deepStrictEqual(await kept(id), before, `${id} after a change, ${tool}`);
      const isImport = told['Make it'].startsWith('standin import');
      assert.strictEqual(isImport, tool === 'command line' && id === 'special', told['Make it']);
      assert(!JSON.stringify(told).includes(test.standin.token), 'no token is shown');
      if (tool === 'curl') assert(told['Make it'].includes(`${admin}v1/mounts/${id}`));
    }
    if (id === 'full') await test.look('config');
  }
  assert(!fs.existsSync(path.join(directory, 'ran')), 'nothing that a mount says was run');
  await page.setViewportSize({ width: 390, height: 844 });
  await test.fits();

  // As a file.
  const json = page.getByRole('region', { name: 'JSON', exact: true });
  const [file] = await Promise.all([page.waitForEvent('download'), json.getByRole('button', { name: 'Download' }).click()]);
  assert.strictEqual(file.suggestedFilename(), 'special.json');
  const before = await kept('special');
  await test.api('DELETE', 'v1/mounts/special');
  await test.api('PUT', 'v1/mounts/special', JSON.parse(fs.readFileSync(await file.path(), 'utf8')));
  assert.deepStrictEqual(await kept('special'), before);

  // No command has another number than the mount, because a browser rounded it.
  const answer = await fetch(`${admin}v1/mounts/special`, {
    method: 'PATCH', headers: { Authorization: `Bearer ${test.standin.token}`, 'Content-Type': 'application/json' }, body: '{"metadata":{"n":9007199254740993}}',
  });
  assert.strictEqual(answer.status, 200);
  await page.getByText('This mount is not shown as commands: 9007199254740993 is a number that a browser cannot keep as it is').waitFor();
  assert.match(await page.getByRole('region', { name: 'The whole answer' }).textContent(), /"n":9007199254740993\b/);
  assert.strictEqual(await page.getByRole('region', { name: /^Make it/ }).count(), 0);
  await test.look('config-rounded');
  await test.fits();
});
