// Node's http server on a free port, which it tells: chunks, trailers, early hints, server-sent events, WebSockets, an
// upgrade of its own, and the files of the page.

const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { WebSocketServer } = require('ws');
const bounded = require('./bounded.js');

const EVENTS = 10;
const FILES = { 'page.html': 'text/html; charset=utf-8', 'page.js': 'text/javascript', 'page.svg': 'image/svg+xml' };

// What waits for POST /acknowledged/NAME, by name.
const waiting = new Map();
const acknowledged = (name) => new Promise((resolve) => waiting.set(name, resolve));

const routes = {
  async digest(request, response) {
    const hash = crypto.createHash('sha256');
    let bytes = 0;
    for await (const part of request) {
      hash.update(part);
      bytes += part.length;
    }
    const framing = request.headers['transfer-encoding'] ?? request.headers['content-length'] ?? '';
    response.end(JSON.stringify({ sha256: hash.digest('hex'), bytes, framing }));
  },

  // Sends back each part as it comes, while the rest is still on its way.
  async echo(request, response) {
    for await (const part of request) response.write(part);
    response.end();
  },

  number(request, response, number) {
    response.end(number);
  },

  trailers(request, response) {
    response.writeHead(200, { Trailer: 'X-Sum' });
    for (const part of ['one, ', 'two, ', 'three']) response.write(part);
    response.addTrailers({ 'X-Sum': '3' });
    response.end();
  },

  // The hints come first: the answer waits until they were acknowledged.
  async hints(request, response, name) {
    response.writeEarlyHints({ link: '</page.js>; rel=preload; as=script' });
    await acknowledged(name);
    response.end('after the hints');
  },

  // Each event waits until the one before it was acknowledged.
  async events(request, response, name) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    for (let number = 1; number <= EVENTS; number++) {
      const next = acknowledged(`${name}-${number}`);
      response.write(`data: ${number}\n\n`);
      await next;
    }
    response.end('event: end\ndata: all\n\n');
  },

  acknowledged(request, response, name) {
    const resolve = waiting.get(name);
    waiting.delete(name);
    response.writeHead(resolve ? 200 : 404).end(resolve ? 'acknowledged' : 'nobody waits for it');
    resolve?.();
  },

  page(request, response, name) {
    const file = path.join(__dirname, name);
    response.writeHead(200, { 'Content-Type': FILES[name] });
    fs.createReadStream(file).pipe(response);
  },
};

const server = http.createServer((request, response) => {
  const [, name, ...rest] = request.url.split('/');
  const route = FILES[name] ? routes.page : Object.hasOwn(routes, name) ? routes[name] : undefined;
  if (!route) {
    response.writeHead(404).end();
    return;
  }
  Promise.resolve(route(request, response, FILES[name] ? name : rest.join('/'))).catch((error) => response.destroy(error));
});

const sockets = new WebSocketServer({ noServer: true });
server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => socket.destroy());
  if (request.headers.upgrade === 'websocket') {
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('message', (data, binary) => webSocket.send(data, { binary }));
    });
    return;
  }
  // A protocol of this server: bytes come back in upper case.
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: shout\r\nConnection: Upgrade\r\n\r\nready\n');
  const shout = (bytes) => socket.write(bytes.toString('latin1').toUpperCase());
  if (head.length > 0) shout(head);
  socket.on('data', shout);
  socket.on('end', () => socket.end('goodbye\n'));
});

server.keepAliveTimeout = 60_000; // longer than the proxy keeps a connection: none ends under its hands
bounded.by(bounded.SERVER_S_MAX);
server.listen(0, '127.0.0.1', () => console.log('ready', server.address().port));
