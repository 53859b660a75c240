// A real Envoy whose disk is full for a while: every request is answered, and each line is a row or is counted as one
// that was never written.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { LossReport } from '../../operator/denials/lost-denials.ts';
import { outboundReader } from '../../operator/denials/reading/read-denials.ts';
import { OUTBOUND_SHAPE } from '../../operator/denials/store/row-shapes.ts';
import type { Spools } from '../../operator/gateway/log/spools.ts';
import { EnvoyAdmin } from '../../operator/gateway/process/envoy-admin.ts';
import { envoyBinary } from '../../operator/gateway/process/find-envoy.ts';
import type { AccessLogLine } from '../../operator/model/access-log-line.ts';
import type { Denial } from '../../operator/model/denial.ts';
import { envoyLog, openRowSpools } from '../../operator/roles/shared/row-spools.ts';
import { lineText } from '../fixtures/access-log-fixture.ts';
import { freePorts } from '../support/free-ports.ts';
import { SmallDisk, testOnDisk } from '../support/small-disk.ts';
import { until } from '../support/until.ts';

const MEGABYTES = 4;

function bootstrap(folder: string, adminSocket: string, port: number): object {
  const line = lineText({ details: 'x'.repeat(200) }, { authority: 'h%REQ(X-ID)%.example.com:443' });
  const type = (name: string, more: object) => ({
    '@type': `type.googleapis.com/envoy.extensions.${name}`,
    ...more,
  });
  const log = type('access_loggers.file.v3.FileAccessLog', {
    path: join(folder, 'access.log'),
    log_format: { text_format_source: { inline_string: `${line}\n` } },
  });
  const routes = [{ match: { prefix: '/' }, direct_response: { status: 403 } }];
  const router = type('filters.http.router.v3.Router', {});
  const manager = type('filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'requests',
    access_log: [{ name: 'log', typed_config: log }],
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: [{ name: 'router', typed_config: router }],
  });
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  const filter_chains = [{ filters: [{ name: 'manager', typed_config: manager }] }];
  return {
    admin: { address: { pipe: { path: adminSocket } } },
    static_resources: { listeners: [{ name: 'requests', address, filter_chains }] },
  };
}

interface SceneParts {
  readonly port: number;
  readonly envoy: ChildProcess;
  readonly admin: EnvoyAdmin;
}

interface Kept {
  readonly rows: Denial[];
  readonly reports: LossReport[];
}

class Scene {
  readonly rows: Denial[];
  readonly reports: LossReport[];
  readonly spools: Spools;
  sent = 0;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 20 });
  readonly #parts: SceneParts;

  private constructor(parts: SceneParts, spools: Spools, { rows, reports }: Kept) {
    this.#parts = parts;
    this.spools = spools;
    this.rows = rows;
    this.reports = reports;
  }

  static async open(disk: SmallDisk, root: string, folder: string): Promise<Scene> {
    const [port = 0] = await freePorts(1);
    const socket = join(root, 'admin.sock');
    const config = join(root, 'envoy.json');
    await writeFile(config, JSON.stringify(bootstrap(folder, socket, port)));
    const [command = '', ...prefix] = disk.prefix;
    const binary = await envoyBinary(process.env['PATH'] ?? '');
    const args = ['-c', config, '--concurrency', '2', '-l', 'error', '--file-flush-interval-msec', '100'];
    const envoy = spawn(command, [...prefix, binary, ...args], { stdio: 'ignore' });
    const admin = new EnvoyAdmin(socket);
    await until('Envoy is ready', () => admin.ready());
    const kept: Kept = { rows: [], reports: [] };
    return new Scene({ port, envoy, admin }, await openSpools(disk.seen(folder), admin, kept), kept);
  }

  async flood(requests: number): Promise<void> {
    for (let left = requests; left > 0; left -= 50) {
      await Promise.all(Array.from({ length: Math.min(50, left) }, () => this.#ask()));
    }
  }

  counted(): number {
    return this.rows.reduce((sum, { repeats }) => sum + repeats, 0);
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await this.spools.close();
    this.#parts.admin.close();
    const gone = once(this.#parts.envoy, 'exit');
    this.#parts.envoy.kill('SIGKILL');
    await gone;
  }

  /** Throws where it is not answered with 403. */
  async #ask(): Promise<void> {
    const headers = { 'x-id': String((this.sent += 1)) };
    const status = await new Promise<number | undefined>((resolve, reject) => {
      request({ host: '127.0.0.1', port: this.#parts.port, agent: this.#agent, headers }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode));
      })
        .on('error', reject)
        .end();
    });
    if (status !== 403) throw new Error(`Answered with ${status}`);
  }
}

function openSpools(folder: string, admin: EnvoyAdmin, { rows, reports }: Kept): Promise<Spools> {
  const nothing = (): void => undefined;
  return openRowSpools<AccessLogLine, Denial>({
    gateway: 'gw',
    rowsPerSecond: 1e9,
    shape: OUTBOUND_SHAPE,
    reader: outboundReader({ accountId: 'acme', findRule: () => null, isStillAllowed: () => false }),
    sink: {
      canRaise: false,
      progress: () => Promise.resolve({ positions: new Map(), lastSequence: 0 }),
      append: ({ denials }) => {
        rows.push(...denials);
        return Promise.resolve({ stored: denials.length, duplicates: 0 });
      },
    },
    folder,
    logs: [envoyLog(admin)],
    maxBytes: undefined,
    budgetBytes: 3e6,
    ...{ onDenials: nothing, onUnreadableLines: nothing, onTruncatedLines: nothing },
    ...{ onTornLine: nothing, onFailure: nothing },
    onLost: (report) => void reports.push(report),
  });
}

testOnDisk(
  'lines that a full disk did not take are counted, and no request waits for them',
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'full-disk-lines-'));
    const folder = join(root, 'log');
    await mkdir(folder);
    const disk = await SmallDisk.mount(folder, MEGABYTES);
    const scene = await Scene.open(disk, root, folder);
    try {
      await scene.spools.start();
      await scene.flood(500);
      await until('all are rows', () => scene.rows.length === 500);
      await scene.spools.noteUnwritten();
      await disk.fill(100_000);
      await scene.flood(1000);
      await delay(1000);
      await disk.free();
      await scene.flood(300);
      await until('the rest is counted', async () => {
        await delay(2500);
        await scene.spools.noteUnwritten();
        return scene.counted() >= scene.sent;
      });
      expect(scene.counted()).toBe(scene.sent);
      const unwritten = scene.reports.map(({ cause, lost }) => `${cause} ${lost > 100}`);
      expect(new Set(unwritten)).toEqual(new Set(['not-written true']));
      expect(scene.rows.at(-1)).toMatchObject({ reason: 'DENIALS_NOT_KEPT', workspace: '' });
    } finally {
      await scene.close();
      await disk.remove();
      await rm(root, { recursive: true });
    }
  },
  60_000,
);
