// Squid as a peer: one process, no cache, no disk, no logs, a list of names that may be reached.
// In: where it listens, names, addresses. Out: its process id. It runs until stop().
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isListening } from './free-port.ts';
import type { Place } from './tunnel.ts';

export interface SquidOptions {
  readonly place: Place;
  /** All names that it lets through. */
  readonly names: readonly string[];
  /** Address by name, for those that are asked for: cheaper for Squid than any DNS. */
  readonly hosts: Readonly<Record<string, string>>;
}

const START_LIMIT_MS = 10_000;
/** Where distributions keep programs that are not on everybody's PATH. */
const FURTHER_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/squid/sbin'];

export class SquidProxy {
  readonly place: Place;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(place: Place, process: ChildProcess, folder: string) {
    this.place = place;
    this.#process = process;
    this.#folder = folder;
  }

  /** Throws where Squid is not installed or does not start. */
  static async start({ place, names, hosts }: SquidOptions): Promise<SquidProxy> {
    const program = await findSquid();
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-squid-'));
    // Started as root, Squid becomes another user, who must be able to read here.
    await chmod(folder, 0o755);
    await writeFile(join(folder, 'names'), names.join('\n'));
    await writeFile(
      join(folder, 'hosts'),
      Object.entries(hosts).map(([name, address]) => `${address} ${name}\n`),
    );
    await writeFile(join(folder, 'squid.conf'), configuration(place, folder));
    const child = spawn(program, ['-N', '-d', '1', '-f', join(folder, 'squid.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const squid = new SquidProxy(place, child, folder);
    await squid.#untilListening();
    return squid;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGKILL');
      await once(this.#process, 'exit');
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #untilListening(): Promise<void> {
    let complaint = '';
    this.#process.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    const deadlineMs = performance.now() + START_LIMIT_MS;
    while (!(await isListening(this.place))) {
      if (this.#process.exitCode !== null || performance.now() > deadlineMs) {
        await this.stop();
        throw new Error(`Cannot start Squid: ${complaint.trim().split('\n').at(-1) ?? 'it said nothing'}`);
      }
      await delay(50);
    }
  }
}

/** What `squid -v` says first. */
export async function squidVersion(): Promise<string> {
  const child = spawn(await findSquid(), ['-v'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(child, 'close');
  return text.split('\n')[0]?.replace('Squid Cache: Version', 'Squid') ?? 'Squid';
}

async function findSquid(): Promise<string> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...FURTHER_FOLDERS];
  for (const folder of folders) {
    const path = join(folder, 'squid');
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  throw new Error('Cannot find "squid" on PATH: install it, for example with "apt-get install squid"');
}

function configuration({ host, port }: Place, folder: string): string {
  return `http_port ${host}:${port}
acl listed dstdomain "${folder}/names"
http_access allow listed
http_access deny all
hosts_file ${folder}/hosts
dns_nameservers ${host}
cache deny all
cache_mem 0
access_log none
cache_store_log none
cache_log /dev/null
pid_filename none
netdb_filename none
pinger_enable off
coredump_dir none
shutdown_lifetime 0 seconds
`;
}
