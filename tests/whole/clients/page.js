// The page's own test; browser.js awaits `result`. Every address is relative, so that the mount's path is kept.

async function image() {
  const { naturalWidth, naturalHeight } = await new Promise((resolve, reject) => {
    const element = document.getElementById('image');
    if (element.complete) resolve(element);
    element.addEventListener('load', () => resolve(element));
    element.addEventListener('error', () => reject(new Error('the image did not load')));
  });
  return [naturalWidth, naturalHeight];
}

// The server sends an event when the one before it was acknowledged, so a proxy that keeps one back stops all.
function events() {
  return new Promise((resolve, reject) => {
    const source = new EventSource('events/page');
    const received = [];
    source.addEventListener('message', async ({ data }) => {
      received.push(data);
      const answer = await (await fetch(`acknowledged/page-${data}`, { method: 'POST' })).text();
      if (answer !== 'acknowledged') reject(new Error(`acknowledging ${data}: ${answer}`));
    });
    source.addEventListener('end', () => {
      source.close();
      resolve(received.join(' '));
    });
    source.addEventListener('error', () => reject(new Error(`the events ended after ${received}`)));
  });
}

function echo() {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(new URL('socket', location).href.replace('http', 'ws'));
    socket.addEventListener('open', () => socket.send('from the page'));
    socket.addEventListener('message', ({ data }) => {
      socket.addEventListener('close', ({ code, wasClean }) => resolve([data, code, wasClean]));
      socket.close(4004);
    });
    socket.addEventListener('error', () => reject(new Error('the WebSocket failed')));
  });
}

const tests = { image, events, echo };
window.result = Promise.all(Object.entries(tests).map(async ([name, test]) => {
  try {
    return [name, await test()];
  } catch (error) {
    return [name, String(error)];
  }
})).then(Object.fromEntries);
