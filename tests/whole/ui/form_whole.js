// A person types something into every section of the form; what is saved is
// what was typed, and so is its copy. And a transparent mount, with traffic.

const childProcess = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { assert, scenario } = require('./harness.js');

const HASH = '$2y$05$7EFxl1UNhLhcCPiX3cnHfOnpDTT8Ql1lIsIZhRJWo4Z.qmY6iM2Oi'; // of nobody's password

scenario(async (test) => {
  await test.start();
  const file = (name) => path.join(test.directory, name);
  fs.writeFileSync(file('htpasswd'), `ada:${HASH}\n`, { mode: 0o600 });
  fs.writeFileSync(file('keys'), `k1:${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 });
  childProcess.execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
    '-subj', '/CN=standin.test', '-keyout', file('key.pem'), '-out', file('certificate.pem')], { stdio: 'ignore', timeout: 10_000 });
  fs.chmodSync(file('key.pem'), 0o600);

  const page = await test.open('#/new');
  const effect = page.getByRole('region', { name: 'What saving does' });
  const says = (text) => effect.getByText(text).first().waitFor();
  const field = (name) => page.getByLabel(name, { exact: true });
  const kept = async (id) => {
    const { id: _, ...spec } = (await test.api('GET', `v1/mounts/${id}/revisions?limit=1`)).revisions[0].after;
    return spec;
  };

  // ---- A transparent mount: the upstream is forced, and Host stays as it was sent ----
  const echo = await test.upstream((request, response) => response.end(`${request.headers.host}${request.url}`));
  await page.getByRole('radio', { name: /Transparent/ }).check();
  await field('Host').fill('*.forced.test');
  await field('Path').fill('/deep');
  await field('Upstream host').fill(new URL(echo).host);
  await field('Id').fill('forced');
  await says('A transparent mount is made.');
  await page.getByRole('button', { name: 'Create mount' }).click();
  await page.waitForURL(/#\/mounts\/forced$/);
  const asked = await new Promise((done, failed) => {
    const { hostname, port } = new URL(test.front);
    http.get({ hostname, port, path: '/deep/er?a', headers: { Host: 'shop.forced.test' } }, (answer) => {
      let text = '';
      answer.on('data', (part) => { text += part; }).on('end', () => done(text));
    }).on('error', failed);
  });
  assert.strictEqual(asked, 'shop.forced.test/deep/er?a');

  // ---- What the UI takes for the defaults, the server has by itself ----
  const defaults = await page.evaluate(async () => {
    const { BY_KIND, DEFAULTS, usual } = await import('./js/core/defaults.js');
    return Object.fromEntries(['regular', 'transparent'].map((kind) => [kind, Object.keys({ ...DEFAULTS, ...BY_KIND }).map((pointer) => [pointer, usual(pointer, kind)])]));
  });
  const bare = { match: {}, lease: { ttl_s: 3600 }, identity: { basic: { htpasswd_file: file('htpasswd') }, sign: { keys_file: file('keys'), key_id: 'k1' } } };
  for (const [kind, more] of Object.entries({ regular: { address: 'https://127.0.0.1:1/', tls: { server_name: 'a' } }, transparent: { force_host: '127.0.0.1:1', force_scheme: 'https', tls: { server_name: 'a' } } })) {
    const { after } = await test.api('POST', 'v1/mounts?dry_run=true', { kind, ...bare, ...more });
    const only = { regular: ['/force_scheme'], transparent: ['/force_scheme', '/strip_prefix', '/host_header'] }[kind];
    for (const [pointer, value] of defaults[kind].filter(([name]) => !only.includes(name))) {
      assert.deepStrictEqual(pointer.split('/').slice(1).reduce((found, step) => found?.[step], after), value, `${kind} ${pointer}`);
    }
  }

  // ---- Something in every section ----
  const wanted = {
    kind: 'regular', match: { host: '*.whole.test:8080', path: '/whole' }, address: 'https://127.0.0.1:1/base/', enabled: false,
    labels: { owner: 'ci', note: '<b> "it\'s"' },
    strip_prefix: false, host_header: 'preserve', allowed_request_methods: ['GET', 'PURGE'], disallowed_status: 400, suppress_http_headers: ['cookie', 'x-debug'],
    limits: { concurrent_requests_max: 11, queue_max: 12, queue_wait_ms_max: 1300, requests_per_s_max: 14, tunnels_max: 15, request_body_bytes_max: 160_000, client_bytes_per_s_min: 0 },
    timeouts: { connect_ms: 210, first_byte_ms: 2200, idle_ms: 2300, tunnel_idle_ms: 2400, total_ms: 250_000 },
    request_headers: { remove: ['x-gone', 'x-too'], set: { 'X-From': '{client_address} {host}', 'X-Empty': '' }, add: { 'X-More': 'a, "b"' } },
    response_headers: { remove: ['x-powered-by'], set: { 'X-Id': '{request_id}' }, add: { Vary: 'X-From' } },
    rewrite: { location: true, cookies: true, body: [{ from: 'http://old/', to: '/', media_types: ['text/html', 'text/css'] }, { from: 'a', to: '', media_types: ['text/plain'] }] },
    forwarded: { x_forwarded: 'keep', x_forwarded_for: 'append', x_forwarded_host: 'off', x_forwarded_proto: 'keep', x_forwarded_port: 'pass', x_forwarded_prefix: 'off',
      forwarded: 'append', via: 'off', via_response: 'on', trusted_peers: ['10.0.0.0/8', '::1/128'] },
    traceparent: 'ensure',
    identity: { basic: { htpasswd_file: file('htpasswd'), realm: 'the realm' }, headers: { 'X-User': '{user}' },
      sign: { keys_file: file('keys'), key_id: 'k1', expires_s: 31, tag: 'a tag' } },
    tls: { ca_file: file('certificate.pem'), server_name: 'standin.test', client_certificate_file: file('certificate.pem'), client_key_file: file('key.pem'),
      min_version: '1.3', insecure_skip_verify: true },
    allow_addresses: ['169.254.10.0/24'],
    lease: { ttl_s: 86_400, on_expiry: 'disable' },
    metadata: { list: [1, null, { deep: [] }], text: 'ä\n' },
  };
  await test.go('#/new');
  await says('It cannot be saved yet');
  await page.locator('details.section').evaluateAll((sections) => sections.forEach((section) => { section.open = true; }));

  /** Types a value wherever it belongs, as its control wants it: the member's name stands beside each. */
  const fieldsOf = await page.evaluate(async () => (await import('./js/pages/form/fields.js')).FIELDS.map(({ at, label, control, only }) => ({ at, label, control, only })));
  const at = (pointer) => pointer.split('/').slice(1).reduce((value, step) => value?.[step], wanted);
  const typed = [];
  for (const { at: pointer, label, control, only } of fieldsOf) {
    const value = at(pointer);
    if (only === 'transparent' || pointer === '/id') continue;
    assert.notStrictEqual(value, undefined, `this scenario has nothing for ${pointer}`);
    typed.push(pointer);
    if (control === 'check') await field(label).setChecked(value);
    else if (control === 'select') await field(label).selectOption(String(value));
    else if (control === 'words') await field(label).fill(value.join(' '));
    else if (control === 'json') await field(label).fill(JSON.stringify(value));
    else if (control === 'map' || control === 'rules') {
      const group = page.getByRole('group', { name: label, exact: true });
      for (const [index, row] of (control === 'map' ? Object.entries(value) : value.map((one) => [one.from, one.to, one.media_types.join(' ')])).entries()) {
        await group.getByRole('button', { name: /^Add / }).click();
        for (const [column, text] of row.entries()) await group.locator('.pair-row').nth(index).locator('input').nth(column).fill(text);
      }
    } else await field(label).fill(String(value));
  }
  await field('Id').fill('whole');
  await says('A regular mount is made.');

  // To JSON and back, undoing what is typed there, loses nothing.
  const json = page.getByLabel('The mount as JSON');
  await page.getByRole('link', { name: 'JSON' }).click();
  const text = await json.inputValue();
  assert.deepStrictEqual(JSON.parse(text), { ...wanted, id: 'whole' });
  await json.focus();
  await page.keyboard.press('Control+Home');
  await page.keyboard.type('{ "x": ');
  await says('It cannot be saved: the JSON is not sound.');
  await page.getByRole('link', { name: 'Form' }).click();
  await page.getByRole('button', { name: 'Back to JSON' }).click();
  await json.focus();
  for (let left = 20; left > 0 && await json.inputValue() !== text; left -= 1) await page.keyboard.press('Control+z');
  assert.strictEqual(await json.inputValue(), text);
  await page.getByRole('link', { name: 'Form' }).click();
  await page.waitForFunction(() => !document.querySelector('fieldset.mount-fields').disabled);
  await says('A regular mount is made.');
  await page.getByRole('button', { name: 'Create mount' }).click();
  await page.waitForURL(/#\/mounts\/whole$/);
  const saved = await kept('whole');
  for (const pointer of typed) {
    if (pointer === '/forwarded/x_forwarded') continue; // it stands for those of the five that are not said
    const found = pointer.split('/').slice(1).reduce((value, step) => value?.[step], saved);
    assert.deepStrictEqual(found, at(pointer), pointer);
  }

  // Opened again, it is the same; and so is a copy of it at another path.
  await test.go('#/mounts/whole/edit');
  await says('Nothing changes.');
  await test.go('#/mounts/whole');
  await page.getByRole('link', { name: 'Duplicate' }).click();
  await field('Id').fill('twin');
  await field('Path').fill('/twin');
  await says('A regular mount is made.');
  await page.getByRole('button', { name: 'Create mount' }).click();
  await page.waitForURL(/#\/mounts\/twin$/);
  assert.deepStrictEqual(await kept('twin'), { ...saved, match: { ...saved.match, path: '/twin' } });
});
