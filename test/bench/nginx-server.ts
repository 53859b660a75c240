// nginx as a peer: one worker in front of one server, with access lists of its own. In: where it listens, what it
// allows. Out: its process id. It runs until stop().
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isListening } from './free-port.ts';
import type { Place } from './tunnel.ts';

export interface NginxOptions {
  readonly place: Place;
  readonly backend: Place;
  readonly addresses: readonly string[];
  /** `allow` walks a list, `geo` asks a tree. */
  readonly by: 'allow' | 'geo';
}

const START_LIMIT_MS = 10_000;
const SYSTEM_FOLDER = '/usr/sbin';

export class NginxServer {
  readonly place: Place;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(place: Place, process: ChildProcess, folder: string) {
    this.place = place;
    this.#process = process;
    this.#folder = folder;
  }

  /** Throws where nginx is not installed or does not start. */
  static async start(options: NginxOptions): Promise<NginxServer> {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-nginx-'));
    await writeFile(join(folder, 'nginx.conf'), configuration(options, folder));
    const PATH = [process.env['PATH'] ?? '', SYSTEM_FOLDER].join(delimiter);
    const child = spawn('nginx', ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'], {
      env: { ...process.env, PATH },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const nginx = new NginxServer(options.place, child, folder);
    await nginx.#untilListening();
    return nginx;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async stop(): Promise<void> {
    if (this.#process.pid !== undefined && this.#process.exitCode === null) {
      this.#process.kill('SIGKILL');
      await once(this.#process, 'exit');
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #untilListening(): Promise<void> {
    let complaint = '';
    this.#process.on('error', () => {
      complaint = 'install it, for example with "apt-get install nginx-light"';
    });
    this.#process.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    const deadlineMs = performance.now() + START_LIMIT_MS;
    while (!(await isListening(this.place))) {
      if (this.#process.exitCode !== null || performance.now() > deadlineMs || complaint !== '') {
        await this.stop();
        throw new Error(`Cannot start nginx: ${complaint.trim() || 'it said nothing'}`);
      }
      await delay(50);
    }
  }
}

/** One process, an access log as Envoy has one, and connections that stay open on both sides. */
function configuration({ place, backend, addresses, by }: NginxOptions, folder: string): string {
  const lines = addresses.map((address) => (by === 'allow' ? `allow ${address};` : `${address} 0;`));
  return `daemon off;
master_process off;
pid nginx.pid;
events { worker_connections 1024; }
http {
  access_log ${folder}/access.log;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 100000000;
  upstream servers { server ${backend.host}:${backend.port}; keepalive 64; keepalive_requests 100000000; }
  ${by === 'geo' ? `geo $denied { default 1; ${lines.join('\n')} }` : ''}
  server {
    listen ${place.host}:${place.port};
    ${by === 'allow' ? `${lines.join('\n')}\ndeny all;` : 'if ($denied) { return 403; }'}
    location / {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}
`;
}
