// In a pod: RATE new tunnels a second through the pod's proxy for SECONDS, each with a TLS handshake and an echo, and HELD
// tunnels that stay open until they have lived HELD_SECONDS. Writes one JSON line when the load has begun, and one with
// what became of them.
import { Agent, request } from 'node:http';
import { connect as connectTls } from 'node:tls';

const [rate, seconds, held, heldSeconds] = process.argv.slice(1).map(Number);
const { hostname: host, port } = new URL(process.env.HTTPS_PROXY);
const TARGET = 'allowed.example:443';
const LIMIT_MS = 10_000;
// Not Node's own, which would send everything through the pod's proxy.
const agent = new Agent();
const SLOW_MS = 900;

function tunnel() {
  return new Promise((resolve, reject) => {
    const fail = (error) => (clearTimeout(timer), asked.destroy(), reject(error));
    const timer = setTimeout(() => fail(new Error('silence')), LIMIT_MS);
    const asked = request({ agent, host, port, method: 'CONNECT', path: TARGET, headers: { host: TARGET } });
    asked.on('error', fail);
    asked.on('response', (response) => fail(new Error(`status ${response.statusCode}`)));
    asked.on('connect', (response, socket) => {
      const reason = response.headers['x-sallyport-reason'] ?? '';
      if (response.statusCode !== 200) return fail(new Error(`status ${response.statusCode} ${reason}`));
      const opened = connectTls({ socket, servername: 'allowed.example', rejectUnauthorized: false });
      opened.on('error', fail);
      opened.on('close', () => fail(new Error('closed')));
      opened.on('secureConnect', () => opened.write('GET / HTTP/1.1\r\nhost: allowed.example\r\n\r\n'));
      opened.once('data', () => (clearTimeout(timer), resolve(opened)));
    });
    asked.end();
  });
}

const began = Date.now();
const report = { ok: 0, failed: {}, fromMs: undefined, toMs: undefined, slow: 0, worstMs: 0, heldOpened: 0, heldCut: 0, heldEnded: 0 };

async function one() {
  const startMs = Date.now() - began;
  try {
    (await tunnel()).destroy();
    report.ok += 1;
    const tookMs = Date.now() - began - startMs;
    report.worstMs = Math.max(report.worstMs, tookMs);
    if (tookMs > SLOW_MS) report.slow += 1;
  } catch (error) {
    const what = error.code ?? error.message;
    report.failed[what] = (report.failed[what] ?? 0) + 1;
    report.fromMs ??= startMs;
    report.toMs = startMs;
  }
}

/** Before the load, so that nothing counts that was before. */
async function opening() {
  for (;;) {
    try {
      return await tunnel();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function hold() {
  const opened = await opening();
  report.heldOpened += 1;
  let isDone = false;
  const beat = setInterval(() => opened.write('GET / HTTP/1.1\r\nhost: allowed.example\r\n\r\n'), 500);
  opened.on('data', () => undefined);
  opened.on('close', () => {
    clearInterval(beat);
    if (!isDone) report.heldCut += 1;
  });
  setTimeout(() => {
    isDone = true;
    if (!opened.destroyed) report.heldEnded += 1;
    opened.destroy();
  }, heldSeconds * 1000);
}

await Promise.all(Array.from({ length: held }, hold));
process.stdout.write(`${JSON.stringify({ begun: true })}\n`);
const timer = setInterval(one, 1000 / rate);
setTimeout(() => {
  clearInterval(timer);
  setTimeout(() => process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0)), LIMIT_MS + 500);
}, seconds * 1000);
