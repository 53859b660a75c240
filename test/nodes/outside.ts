// The outside world of the end-to-end suite: runs on the host of the kind nodes, where its public addresses are on the
// loopback interface. Serves TLS, HTTP, TCP and UDP on them, and the public DNS; writes a JSON line for each arrival, so
// that a leak is seen here whatever a client thinks.
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { appendFileSync, writeFileSync } from 'node:fs';
import { createCertificateAuthority } from '../outside/certificates.ts';
import { startDnsServer } from '../outside/dns-server.ts';
import { createOrigins } from '../outside/origins.ts';

interface OutsideWorld {
  /** Address by name; a name may lead to an address of the cluster. */
  readonly names: Readonly<Record<string, string>>;
  readonly resolver: string;
  /** Files for the address of the DNS, and for arrivals. */
  readonly ready: string;
  readonly journal: string;
}

const WITNESSED_MS = 100;
const PORTS = { 443: 'https', 80: 'http', 8080: 'echo', 8443: 'https' } as const;
const UDP_PORTS = [53, 443];

const world = JSON.parse(process.argv[2] ?? '') as OutsideWorld;
const isOurs = (address: string): boolean => address.startsWith('5.5.5.');
const addresses = [...new Set(Object.values(world.names).filter(isOurs))];

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

for (const address of [...addresses, world.resolver]) ip('address', 'replace', `${address}/32`, 'dev', 'lo');
const origins = createOrigins(await createCertificateAuthority());
const dns = await startDnsServer(world.resolver);
for (const [name, address] of Object.entries(world.names)) dns.setRecord(name, { a: [address] });
writeFileSync(world.journal, '');

function note(arrival: object): void {
  appendFileSync(world.journal, `${JSON.stringify(arrival)}\n`);
}

for (const address of addresses) {
  for (const [port, protocol] of Object.entries(PORTS)) await origins.listen(address, Number(port), protocol);
  for (const port of UDP_PORTS) {
    const socket = createSocket('udp4');
    socket.on('message', (message, from) => {
      note({ protocol: 'udp', peer: from.address, address, port });
      socket.send(message, from.port, from.address);
    });
    await new Promise<void>((resolve) => socket.bind(port, address, resolve));
  }
}
let written = 0;
let asked = 0;
setInterval(() => {
  const questions = dns.questions.slice(asked);
  asked += questions.length;
  for (const { name } of questions)
    note({ protocol: 'dns', peer: '', address: world.resolver, port: 53, name });
  const arrivals = origins.arrivals.slice(written);
  written += arrivals.length;
  for (const { protocol, peer, address, port } of arrivals)
    note({ protocol, peer: peer.slice(0, peer.lastIndexOf(':')), address, port });
}, WITNESSED_MS);
process.stdin.on('end', () => process.exit(0)).resume();
writeFileSync(world.ready, dns.resolver);
