// Node's http client and ws as clients of node_server.js: node_client.js FACT URL

const assert = require('node:assert');
const crypto = require('node:crypto');
const http = require('node:http');
const { WebSocket } = require('ws');
const bounded = require('./bounded.js');

const BLOCKS = 160; // of 64 KiB: 10 MiB
const REQUESTS = 200;
const SOCKETS_MAX = 8;

const [, , fact, url] = process.argv;
const agent = new http.Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });

// Sends a request with the parts as its content; `seen` gets the request before it is sent.
function ask(method, path, { parts = [], seen = () => {}, headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url + path, { method, agent, headers });
    seen(request);
    request.on('error', reject);
    request.on('response', async (response) => {
      try {
        const { localPort } = request.socket;
        const received = [];
        for await (const part of response) received.push(part);
        const body = Buffer.concat(received);
        resolve({ status: response.statusCode, headers: response.headers, body, text: body.toString(), localPort });
      } catch (error) {
        reject(error);
      }
    });
    for (const part of parts) request.write(part);
    request.end();
  });
}

function* blocks() {
  for (let number = 0; number < BLOCKS; number++) {
    yield Buffer.alloc(64 * 1024, crypto.createHash('sha256').update(String(number)).digest());
  }
}

const facts = {
  async chunks() {
    const whole = Buffer.concat([...blocks()]);
    const sha256 = crypto.createHash('sha256').update(whole).digest('hex');
    const told = JSON.parse((await ask('POST', 'digest', { parts: blocks() })).text);
    assert.deepStrictEqual(told, { sha256, bytes: whole.length, framing: 'chunked' });
    const echoed = await ask('POST', 'echo', { parts: blocks() });
    assert.strictEqual(echoed.headers['transfer-encoding'], 'chunked');
    assert(echoed.body.equals(whole), `${echoed.body.length} bytes came back`);
  },

  async keepalive() {
    const numbers = [...Array(REQUESTS).keys()];
    const answers = await Promise.all(numbers.map((number) => ask('GET', `number/${number}`)));
    assert.deepStrictEqual(answers.map(({ text }) => text), numbers.map(String));
    const ports = new Set(answers.map(({ localPort }) => localPort));
    assert(ports.size <= SOCKETS_MAX, `${ports.size} connections`);
  },

  async trailers() {
    const first = await ask('GET', 'trailers');
    assert.deepStrictEqual([first.status, first.text], [200, 'one, two, three']);
    const second = await ask('GET', 'number/1');
    assert.deepStrictEqual([second.text, second.localPort], ['1', first.localPort]);
  },

  async hints() {
    const links = [];
    const seen = (request) => request.on('information', (information) => {
      links.push([information.statusCode, information.headers.link]);
      ask('POST', 'acknowledged/hints').catch((error) => request.destroy(error));
    });
    const answer = await ask('GET', 'hints/hints', { seen });
    assert.deepStrictEqual(links, [[103, '</page.js>; rel=preload; as=script']]);
    assert.deepStrictEqual([answer.status, answer.text], [200, 'after the hints']);
  },

  async upgrade() {
    const socket = await new Promise((resolve, reject) => {
      const request = http.request(`${url}any`, { headers: { Connection: 'Upgrade', Upgrade: 'shout' } });
      request.on('error', reject);
      request.on('response', ({ statusCode }) => reject(new Error(`no upgrade: ${statusCode}`)));
      request.on('upgrade', (response, upgraded, head) => {
        assert.strictEqual(response.headers.upgrade, 'shout');
        if (head.length > 0) upgraded.unshift(head);
        resolve(upgraded);
      });
      request.end();
    });
    let heard = '';
    socket.setEncoding('latin1');
    const until = async (end) => {
      while (!heard.endsWith(end)) {
        const part = socket.read();
        if (part === null) await new Promise((resolve) => socket.once('readable', resolve));
        else heard += part;
      }
    };
    await until('ready\n');
    socket.write('hello\n');
    await until('HELLO\n');
    socket.end('last words\n'); // FIN: the other direction goes on
    await until('goodbye\n');
    assert.strictEqual(heard, 'ready\nHELLO\nLAST WORDS\ngoodbye\n');
  },

  async websocket() {
    const socket = new WebSocket(url.replace('http', 'ws') + 'socket');
    const next = () => new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('message', (data, binary) => resolve({ data, binary }));
    });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    for (const message of ['text', Buffer.from([0, 255, 13, 10]), 'x'.repeat(200_000)]) {
      socket.send(message);
      const { data, binary } = await next();
      assert.strictEqual(binary, Buffer.isBuffer(message));
      assert(data.equals(Buffer.from(message)), `${data.length} bytes came back`);
    }
    const closed = new Promise((resolve) => socket.once('close', (code, reason) => resolve([code, reason.toString()])));
    socket.close(4003, 'done');
    assert.deepStrictEqual(await closed, [4003, 'done']);
  },
};

bounded.by(bounded.CLIENT_S_MAX);
facts[fact]().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
