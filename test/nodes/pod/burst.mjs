// In a pod, from its first millisecond: tries for SECONDS to get past its isolation to what is outside, in many ways, and
// writes how often anything answered.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

const seconds = Number(process.argv[1]);
const ADDRESS = '5.5.5.5';
const report = { tried: 0, open: 0 };
const udp = createSocket('udp4');
udp.on('message', () => (report.open += 1));
udp.on('error', () => undefined);

function attempt() {
  for (const port of [443, 80, 8080]) {
    report.tried += 1;
    const socket = connect({ host: ADDRESS, port });
    socket.on('connect', () => ((report.open += 1), socket.destroy()));
    socket.on('error', () => undefined);
    setTimeout(() => socket.destroy(), 2000);
  }
  report.tried += 1;
  udp.send('x', 53, ADDRESS, () => undefined);
}

attempt();
const timer = setInterval(attempt, 25);
setTimeout(() => {
  clearInterval(timer);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  setTimeout(() => process.exit(0), 600_000);
}, seconds * 1000);
