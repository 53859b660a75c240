// In a pod: asks the pod's proxy RATE times a second for SECONDS for names that nobody allows, "n<number>.<SUFFIX>", each
// once. Writes how many were asked for, and the numbers of those that were not answered with 403.
import { Agent, request } from 'node:http';

const [rate, seconds, suffix] = process.argv.slice(1);
const { hostname: host, port } = new URL(process.env.HTTPS_PROXY);
const LIMIT_MS = 5000;
// Not Node's own, which would send everything through the pod's proxy.
const agent = new Agent();
const report = { asked: 0, unanswered: [] };

function ask(number) {
  const path = `n${number}.${suffix}:443`;
  const asked = request({ agent, host, port, method: 'CONNECT', path, headers: { host: path } });
  return new Promise((resolve) => {
    const timer = setTimeout(() => asked.destroy(new Error('silence')), LIMIT_MS);
    asked.on('error', () => resolve(undefined));
    asked.on('connect', (response, socket) => (socket.destroy(), resolve(response.statusCode)));
    asked.on('close', () => clearTimeout(timer));
    asked.end();
  });
}

const pending = new Set();
const timer = setInterval(() => {
  report.asked += 1;
  const number = report.asked;
  const one = ask(number).then((status) => {
    pending.delete(one);
    if (status !== 403) report.unanswered.push(number);
  });
  pending.add(one);
}, 1000 / Number(rate));
setTimeout(async () => {
  clearInterval(timer);
  await Promise.all(pending);
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
}, Number(seconds) * 1000);
