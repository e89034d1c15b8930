// Chromium opens page.html and does what the page does: browser.js URL

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { chromium } = require('playwright-core');
const bounded = require('./bounded.js');

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--no-proxy-server'];

function find(program) {
  const found = process.env.PATH.split(':').map((directory) => path.join(directory, program)).find(fs.existsSync);
  assert(found, `${program} is missing. Run: tests/install-clients`);
  return found;
}

async function main() {
  // Its profile is a new directory, which goes with it.
  const browser = await chromium.launch({ executablePath: find('chromium'), headless: true, args: FLAGS });
  try {
    const page = await browser.newPage();
    const complaints = [];
    page.on('console', (message) => complaints.push(`console: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(`error: ${error}`));
    page.on('requestfailed', (request) => {
      const why = request.failure()?.errorText;
      // The page closes the stream of events itself, when it has them all.
      if (!(request.url().includes('/events/') && why === 'net::ERR_ABORTED')) complaints.push(`failed: ${request.url()} ${why}`);
    });
    const response = await page.goto(`${process.argv[2]}page.html`);
    assert.strictEqual(response.status(), 200);
    const result = await page.evaluate(() => window.result);
    assert.deepStrictEqual({ ...result, complaints }, {
      image: [40, 30],
      events: '1 2 3 4 5 6 7 8 9 10',
      echo: ['from the page', 4004, true],
      complaints: [],
    });
  } finally {
    await browser.close();
  }
}

bounded.by(bounded.CLIENT_S_MAX);
main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
