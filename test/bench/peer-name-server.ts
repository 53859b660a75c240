// dnsmasq and unbound as processes of their own, with an address for each of the same names and nothing beside; and an
// echo in Node.js, which has none.
// In: the place and the names. Out: the process id and the end.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isListening } from './free-port.ts';
import type { Place } from './tunnel.ts';

export const PEERS = ['dnsmasq', 'unbound', 'echo'] as const;
type Peer = (typeof PEERS)[number];

export interface PeerOptions {
  readonly peer: Peer;
  readonly place: Place;
  readonly names: readonly string[];
  /** What every name leads to. */
  readonly address: string;
  /** For its configuration; is deleted by the caller. */
  readonly folder: string;
}

const START_LIMIT_MS = 10_000;
const ECHO = fileURLToPath(new URL('./echo-server.ts', import.meta.url));
/** Where distributions keep programs that are not on everybody's PATH. */
const FURTHER_FOLDERS = ['/usr/sbin', '/usr/local/sbin'];

export class PeerNameServer {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** Undefined where the program is not installed; throws where it does not start. */
  static async start(options: PeerOptions): Promise<PeerNameServer | undefined> {
    const command = await commandOf(options);
    if (command === undefined) return undefined;
    const child = spawn(command.program, command.flags, { stdio: ['ignore', 'ignore', 'pipe'] });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    const server = new PeerNameServer(child);
    const deadlineMs = performance.now() + START_LIMIT_MS;
    while (!(await isListening(options.place))) {
      if (child.exitCode !== null || performance.now() > deadlineMs) {
        await server.stop();
        throw new Error(`Cannot start ${options.peer}: ${complaint.trim()}`);
      }
      await delay(50);
    }
    return server;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }
}

interface Started {
  readonly program: string;
  readonly flags: readonly string[];
}

async function commandOf(options: PeerOptions): Promise<Started | undefined> {
  const { peer, place, folder } = options;
  if (peer === 'echo') return { program: process.execPath, flags: [ECHO, place.host, `${place.port}`] };
  const program = await find(peer);
  if (program === undefined) return undefined;
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${peer}.conf`);
  await writeFile(file, peer === 'dnsmasq' ? dnsmasqText(options) : unboundText(options));
  return { program, flags: peer === 'dnsmasq' ? ['-k', '-C', file] : ['-d', '-c', file] };
}

async function find(program: string): Promise<string | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...FURTHER_FOLDERS];
  for (const folder of folders) {
    const path = join(folder, program);
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

function dnsmasqText({ place, names, address }: PeerOptions): string {
  return `listen-address=${place.host}
port=${place.port}
bind-interfaces
no-resolv
no-hosts
user=root
local-ttl=60
${names.map((name) => `host-record=${name},${address}`).join('\n')}
`;
}

function unboundText({ place, names, address }: PeerOptions): string {
  return `server:
  interface: ${place.host}
  port: ${place.port}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  username: ""
  chroot: ""
  use-syslog: no
  pidfile: ""
  incoming-num-tcp: 1000
  module-config: "iterator"
${names.map((name) => `  local-data: "${name}. 60 IN A ${address}"`).join('\n')}
`;
}
