// What a test of the UI has: the real binary with ports and a data directory of
// its own, upstreams, and Chromium with the page. A test is a file with one
// scenario; `node tests/whole/ui/FILE.js` runs it against target/debug/standin.
//
// STANDIN_BIN     another binary
// STANDIN_UI      1: the UI's files come from admin-ui/ as they are now, not from the binary
// STANDIN_SHOTS   a directory for pictures of what `look` sees

const assert = require('node:assert');
const childProcess = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const { chromium } = require('playwright-core');
const bounded = require('../clients/bounded.js');

const ROOT = path.resolve(__dirname, '../../..');
const BINARY = process.env.STANDIN_BIN ?? path.join(ROOT, 'target/debug/standin');
const UI = path.join(ROOT, 'admin-ui');
const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--no-proxy-server'];
const ACTION_MS_MAX = 15_000;
const SCENARIO_S_MAX = 110; // about ten times what it takes; less than the test waits for it
const PICTURE_PX_MAX = 8000; // higher pages are seen as on the screen
const CALM_RULES = ['color-contrast-enhanced']; // AAA, which nobody promised

function find(program) {
  const found = process.env.PATH.split(':').map((directory) => path.join(directory, program)).find(fs.existsSync);
  assert(found, `${program} is missing. Run: tests/install-clients`);
  return found;
}

/** A started server: its addresses, its token, and how it ends. */
class Standin {
  static async start(directory, more = [], { front = '127.0.0.1:0', admin = '127.0.0.1:0' } = {}) {
    const args = ['serve', '--listen', front, '--admin', admin, '--data-dir', path.join(directory, 'data'), ...more];
    const child = childProcess.spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, HOME: directory } });
    const standin = new Standin();
    Object.assign(standin, { binary: BINARY, directory, child, args, said: [], token: '' });
    standin.ended = new Promise((done) => child.once('exit', done));
    process.on('exit', () => child.kill('SIGKILL')); // also when time is up
    await new Promise((done, failed) => {
      const line = (text) => {
        standin.said.push(text);
        const [, name, url] = /^\s*(front|admin)\s+(http:\S+)$/.exec(text) ?? [];
        if (name) standin[name] = url;
        if (text === 'ready') done();
      };
      for (const stream of [child.stdout, child.stderr]) readline.createInterface({ input: stream }).on('line', line);
      child.once('exit', (code) => failed(new Error(`standin ended with ${code}:\n${standin.said.join('\n')}`)));
    });
    standin.token = fs.readFileSync(path.join(directory, 'data/token'), 'utf8').trim();
    return standin;
  }

  /** Ends it, as a power cut would or asked to. */
  async stop(signal = 'SIGKILL') {
    this.child.kill(signal);
    await this.ended;
  }

  /** A call of the API; fails the test unless it is answered well. */
  async api(method, way, body, token = this.token) {
    const answer = await fetch(new URL(way, this.admin), {
      method,
      headers: { Authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    assert(answer.ok, `${method} ${way}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** Runs the command line against it; what it printed. */
  cli(...args) {
    const env = { ...process.env, HOME: this.directory, STANDIN_DATA_DIR: path.join(this.directory, 'data') };
    return childProcess.execFileSync(BINARY, args, { env, encoding: 'utf8', timeout: ACTION_MS_MAX });
  }
}

/** What a scenario works with. */
class Test {
  constructor(browser, directory) {
    Object.assign(this, { browser, directory, servers: [], complaints: [], offline: false });
  }

  /** Starts the server with further arguments. */
  async start(...more) {
    this.standin = await Standin.start(this.directory, more);
    return this.standin;
  }

  /** The same once more, on the same ports and the same data. */
  async startAgain() {
    const port = (url) => new URL(url).host;
    const { front, admin } = this.standin;
    this.standin = await Standin.start(this.directory, [], { front: port(front), admin: port(admin) });
  }

  get front() { return this.standin.front; }

  api(...given) { return this.standin.api(...given); }

  /** An upstream: `answer(request, response)` as in node:http. */
  async upstream(answer = (request, response) => response.end(`hello from ${request.url}\n`)) {
    const server = http.createServer(answer);
    this.servers.push(server);
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${server.address().port}/`;
  }

  /** An upstream that begins its answers to whatever has "slow" in it, and ends them when told: `waiting.shift()()`. */
  async slowUpstream() {
    const waiting = [];
    const url = await this.upstream((request, response) => {
      if (!request.url.includes('slow')) return response.end(`hello from ${request.url}\n`);
      response.write('begun\n');
      waiting.push(() => response.end('ended\n'));
    });
    return { url, waiting };
  }

  /** A regular mount. */
  mount(id, address, more = {}) {
    return this.api('PUT', `v1/mounts/${id}`, { kind: 'regular', match: { path: `/${id}` }, address, ...more });
  }

  /** A request to the front; its status and text. */
  async ask(way, more = {}) {
    const answer = await fetch(new URL(way, this.front), more);
    return { status: answer.status, text: await answer.text() };
  }

  /** Opens the UI there in a window of its own, with the admin's token or another one. */
  async open(hash = '#/', { token = this.standin.token, width = 1440, height = 900, theme = 'light' } = {}) {
    const context = await this.browser.newContext({ viewport: { width, height }, colorScheme: theme, acceptDownloads: true });
    context.setDefaultTimeout(ACTION_MS_MAX);
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(this.standin.admin).origin });
    if (process.env.STANDIN_UI) await context.route((url) => url.host === new URL(this.standin.admin).host, fromDisk);
    await context.addInitScript((kept) => {
      if (kept && !sessionStorage.getItem('standin-token')) sessionStorage.setItem('standin-token', kept);
    }, token);
    const page = await context.newPage();
    page.on('pageerror', (error) => this.complaints.push(`error: ${error.stack ?? error}`));
    page.on('console', (message) => {
      const text = message.text();
      const expected = text.startsWith('Failed to load resource: the server responded') || (this.offline && text.includes('net::ERR'));
      if (['error', 'warning'].includes(message.type()) && !expected) this.complaints.push(`console: ${text}`);
    });
    await page.goto(`${this.standin.admin}${hash}`);
    this.page = page;
    return page;
  }

  /** Goes elsewhere in the page that is open. */
  async go(hash, page = this.page) {
    await page.evaluate((there) => { location.hash = there; }, hash);
  }

  /** No barriers on the page as it is now, in light and in dark; pictures of it where they are wanted. */
  async look(name, page = this.page) {
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme });
      await page.evaluate(AXE);
      const found = await page.evaluate((off) => axe.run(document, {
        preload: false, rules: Object.fromEntries(off.map((rule) => [rule, { enabled: false }])),
      }), CALM_RULES);
      const told = found.violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map((node) => `  ${node.target} ${node.failureSummary}`).join('\n')}`);
      assert.deepStrictEqual(told, [], `${name}, ${theme}`);
      if (process.env.STANDIN_SHOTS) await this.#picture(name, theme, page);
    }
    await page.emulateMedia({ colorScheme: 'light' });
  }

  async #picture(name, theme, page) {
    const size = page.viewportSize();
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
      await page.waitForTimeout(150); // a picture, not a test
      const fullPage = await page.evaluate((most) => document.documentElement.scrollHeight < most, PICTURE_PX_MAX);
      await page.screenshot({ path: path.join(process.env.STANDIN_SHOTS, `${name}-${width}-${theme}.png`), fullPage });
    }
    await page.setViewportSize(size);
  }

  /** Nothing on the page is wider than the phone it is seen on. */
  async fits(page = this.page) {
    const [inner, scroll] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
    assert(scroll <= inner, `the page is ${scroll} wide on a screen of ${inner}`);
  }
}

/** Chromium, with a profile of its own that goes with it. */
function launch() {
  return chromium.launch({ executablePath: find('chromium'), headless: true, args: FLAGS });
}

async function fromDisk(route) {
  const name = new URL(route.request().url()).pathname.slice(1) || 'index.html';
  const file = path.join(UI, name);
  if (!fs.existsSync(file) || name.startsWith('v1')) return route.fallback();
  const answer = await route.fetch().catch(() => null);
  if (!answer) return route.abort();
  await route.fulfill({
    response: answer, status: 200, body: fs.readFileSync(file),
    headers: { ...answer.headers(), 'content-type': TYPES[path.extname(file)] ?? 'text/plain', 'content-length': String(fs.statSync(file).size) },
  });
}

/** Waits until `look` gives something true, at most `ms`; for what no page shows. */
exports.until = async (what, look, ms = ACTION_MS_MAX) => {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert(Date.now() < end, `${what}: not within ${ms} ms`);
    await new Promise((done) => setTimeout(done, 20));
  }
};

/** Runs one scenario to its end and leaves nothing running. */
exports.scenario = (work) => {
  bounded.by(SCENARIO_S_MAX);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'standin-ui-'));
  const run = async () => {
    const browser = await launch();
    const test = new Test(browser, directory);
    try {
      await work(test);
      assert.deepStrictEqual(test.complaints, [], 'what the page complained of');
    } catch (error) {
      if (test.complaints.length) console.error(test.complaints.join('\n'));
      if (process.env.STANDIN_SHOTS && test.page) await test.page.screenshot({ path: path.join(process.env.STANDIN_SHOTS, 'failed.png') }).catch(() => {});
      throw error;
    } finally {
      await browser.close();
      for (const server of test.servers) {
        server.closeAllConnections();
        server.close();
      }
      if (test.standin) await test.standin.stop();
      fs.rmSync(directory, { recursive: true, force: true });
    }
  };
  run().then(() => process.exit(0), (error) => {
    console.error(error);
    process.exit(1);
  });
};

exports.assert = assert;
exports.Standin = Standin;
exports.launch = launch;
