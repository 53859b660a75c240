// In a pod: tries what its first argument lists, or else standard input, as JSON, and writes the outcome of each. With a
// second argument it goes on running.
// {"way": "proxy", "url"}: CONNECT or absolute-form HTTP through the pod's own proxy variables, or through "proxy".
// {"way": "tunnel", "url"}: CONNECT, and bytes that are no TLS.
// {"way": "dns", "url"}: without a proxy, to where the pod's own DNS says. {"way": "to", "url", "address"}: to an
// address, with the name on the connection.
// {"way": "tcp" | "udp", "address", "port"}: whether anybody answers there.
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

const LIMIT_MS = 4000;
// Not Node's own, which would send everything through the pod's proxy.
const agent = new Agent();
// A question, so that a name server answers, too.
const QUESTION = Buffer.from('123401000001000000000000076578616d706c6503636f6d0000010001', 'hex');

function within(work) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('silence'), LIMIT_MS);
    const done = (text) => (clearTimeout(timer), resolve(text));
    work(done);
  });
}

const codeOf = (error) => error.code ?? error.message;

/** "200", or "403 REASON" of our proxies. */
function answered(response, done) {
  const reason = response.headers['x-sallyport-reason'];
  response.resume();
  done(reason === undefined ? `${response.statusCode}` : `${response.statusCode} ${reason}`);
}

function tls(options, done) {
  const socket = connectTls({ ...options, rejectUnauthorized: false });
  socket.on('error', (error) => done(codeOf(error)));
  socket.on('close', () => done('closed'));
  socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'));
  socket.once('data', (data) => done(data.toString().slice(9, 12)));
}

function http(options, done) {
  const asked = request({ method: 'GET', agent, ...options }, (response) => answered(response, done));
  asked.on('error', (error) => done(codeOf(error)));
  asked.end();
}

function throughProxy({ url, proxy = process.env.HTTPS_PROXY }, done) {
  const { hostname: host, port } = new URL(proxy);
  const { protocol, hostname, port: wanted } = new URL(url);
  if (protocol === 'http:') return http({ host, port, path: url, headers: { host: hostname } }, done);
  const authority = `${hostname}:${wanted || 443}`;
  const asked = request({ agent, host, port, method: 'CONNECT', path: authority, headers: { host: authority } });
  asked.on('error', (error) => done(codeOf(error)));
  asked.on('connect', (response, socket) => {
    if (response.statusCode !== 200) return answered(response, done);
    tls({ socket, servername: hostname }, done);
  });
  asked.end();
}

function tunnel({ url }, done) {
  const { hostname: host, port } = new URL(process.env.HTTPS_PROXY);
  const { host: path } = new URL(url);
  const asked = request({ agent, host, port, method: 'CONNECT', path, headers: { host: path } });
  asked.on('error', (error) => done(codeOf(error)));
  asked.on('connect', (response, socket) => {
    if (response.statusCode !== 200) return answered(response, done);
    socket.once('data', () => (socket.destroy(), done('open')));
    socket.on('error', (error) => done(codeOf(error)));
    socket.on('close', () => done('closed'));
    socket.write('hello\n');
  });
  asked.end();
}

function toAddress({ url, address, port }, done) {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:') return tls({ host: address, port: port ?? 443, servername: hostname }, done);
  http({ host: address, port: port ?? 80, path: '/', headers: { host: hostname } }, done);
}

/** Without the system's resolver, which has no time limit: the servers of resolv.conf, one after the other. */
async function byDns({ url }, done) {
  const { hostname } = new URL(url);
  for (const [, server] of readFileSync('/etc/resolv.conf', 'utf8').matchAll(/^nameserver\s+(\S+)/gm)) {
    const resolver = new Resolver({ timeout: 1000, tries: 2 });
    resolver.setServers([server]);
    try {
      const [address] = await resolver.resolve4(hostname);
      return toAddress({ url, address }, done);
    } catch (error) {
      if (error.code === 'ENOTFOUND' || error.code === 'ENODATA') return done(error.code);
    }
  }
  done('no DNS');
}

function tcp({ address, port }, done) {
  const socket = connect({ host: address, port });
  socket.on('connect', () => (socket.destroy(), done('open')));
  socket.on('error', (error) => done(codeOf(error)));
}

function udp({ address, port }, done) {
  const socket = createSocket('udp4');
  const end = (text) => (socket.close(), done(text));
  socket.once('message', () => end('open'));
  socket.once('error', (error) => end(codeOf(error)));
  socket.connect(port, address, () => socket.send(QUESTION));
}

const WAYS = { proxy: throughProxy, tunnel, dns: byDns, to: toAddress, tcp, udp };

async function standardInput() {
  let text = '';
  for await (const piece of process.stdin) text += piece;
  return text;
}

const [listed = await standardInput(), staying] = process.argv.slice(1);
const outcomes = await Promise.all(
  JSON.parse(listed).map((one) => within((done) => WAYS[one.way](one, done))),
);
process.stdout.write(`${JSON.stringify(outcomes)}\n`, () =>
  staying === undefined ? process.exit(0) : setInterval(() => undefined, 60_000),
);
