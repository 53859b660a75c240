// Gateways and a collector in one process, for generated stories: the real spools, ledgers, reports, wire and store. What
// carries them is stubbed: requests may get lost, the pods and reports are in memory, and whatever was killed goes on with
// what its disk had.
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { GatewayReporter } from '../../operator/deliver/kubernetes/gateway-reporter.ts';
import { CollectorError } from '../../operator/denials/collector/collector-error.ts';
import { receiveBatch } from '../../operator/denials/collector/receive-batch.ts';
import { runQuery } from '../../operator/denials/query/run-query.ts';
import { outboundReader } from '../../operator/denials/reading/read-denials.ts';
import { type AskCollector, collectorSink } from '../../operator/denials/shipping/collector-sink.ts';
import { DenialStore } from '../../operator/denials/store/duckdb/denial-store.ts';
import { OUTBOUND_SHAPE } from '../../operator/denials/store/row-shapes.ts';
import { BATCH_SCHEMAS } from '../../operator/denials/wire/collector-wire.ts';
import type { Spools } from '../../operator/gateway/log/spools.ts';
import type { ApiRequest } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { ApiFailure, type KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { within } from '../../operator/lib/within.ts';
import type { AccessLogLine } from '../../operator/model/access-log-line.ts';
import type { Denial } from '../../operator/model/denial.ts';
import { GoneGateways } from '../../operator/roles/collector/gone-gateways.ts';
import { openRowSpools } from '../../operator/roles/shared/row-spools.ts';
import { lineText } from '../fixtures/access-log-fixture.ts';
import { rowsOf } from '../fixtures/denial-fixture.ts';

const NAMESPACE = 'sallyport-system';
const nothing = (): void => undefined;

interface StoredReport {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly ownerReferences?: readonly { readonly uid: string }[];
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Pods, and reports that go with their owners. */
export class StoryCluster {
  readonly #pods = new Map<string, string>();
  readonly #reports = new Map<string, StoredReport>();
  #made = 0;

  readonly api: KubernetesApi = {
    request: async (request) => this.#answer(request),
    stream: async function* () {},
    close: async () => undefined,
  };

  addPod(name: string): void {
    this.#made += 1;
    this.#pods.set(name, `uid-${this.#made}`);
  }

  deletePod(name: string): void {
    const uid = this.#pods.get(name);
    this.#pods.delete(name);
    for (const [key, { metadata }] of this.#reports)
      if (metadata.ownerReferences?.some((owner) => owner.uid === uid)) this.#reports.delete(key);
  }

  hasReport(name: string): boolean {
    return this.#reports.has(name);
  }

  #answer({ method, path, body, contentType }: ApiRequest): unknown {
    const [plural = '', name] = path.slice(path.indexOf(NAMESPACE) + NAMESPACE.length + 1).split('/');
    if (plural === 'pods') return name === undefined ? { items: this.#podList() } : this.#pod(name);
    if (name === undefined) return { items: [...this.#reports.values()] };
    if (method === 'DELETE') return void this.#reports.delete(name);
    return this.#write(name, body as Partial<StoredReport>, contentType === 'application/merge-patch+json');
  }

  #write(name: string, { metadata, spec }: Partial<StoredReport>, isRenewal: boolean): void {
    const known = this.#reports.get(name);
    if (isRenewal) {
      if (known === undefined) throw new ApiFailure('not found', { status: 404 });
      this.#reports.set(name, { ...known, spec: { ...known.spec, ...spec } });
      return;
    }
    this.#made += 1;
    const uid = known?.metadata.uid ?? `report-${this.#made}`;
    this.#reports.set(name, { metadata: { ...metadata, name, uid }, spec: spec ?? {} });
  }

  #podList() {
    return [...this.#pods].map(([name, uid]) => ({ metadata: { name, uid } }));
  }

  #pod(name: string) {
    const uid = this.#pods.get(name);
    if (uid === undefined) throw new ApiFailure('not found', { status: 404 });
    return { metadata: { name, uid } };
  }
}

export type Fate = 'lost before it is stored' | 'answer lost';

export class StoryCollector {
  readonly #folder: string;
  readonly #cluster: StoryCluster;
  #store: DenialStore | undefined;
  #path = '';
  #files = 0;
  #backup: string | undefined;
  /** Of the next batches. */
  readonly fates: Fate[] = [];

  constructor(folder: string, cluster: StoryCluster) {
    this.#folder = folder;
    this.#cluster = cluster;
  }

  get isUp(): boolean {
    return this.#store !== undefined;
  }

  async start(): Promise<void> {
    if (this.#path === '') this.#path = this.#newPath();
    this.#store ??= await DenialStore.open(this.#path);
  }

  /** As if killed: the next one has what the disk has now. */
  async end(): Promise<void> {
    const store = this.#store;
    if (store === undefined) return;
    this.#store = undefined;
    this.#path = this.#copied();
    await store.close();
  }

  async newDisk(): Promise<void> {
    await this.end();
    this.#path = '';
    await this.start();
  }

  backUp(): void {
    if (this.isUp) this.#backup = this.#copied();
  }

  async restore(): Promise<void> {
    if (this.#backup === undefined) return;
    await this.end();
    this.#path = this.#backup;
    this.#backup = undefined;
    await this.start();
  }

  async lookForGoneGateways(): Promise<void> {
    const store = this.#store;
    if (store === undefined) return;
    const { api } = this.#cluster;
    const inbound = store.inbound;
    const gone = new GoneGateways({
      api,
      namespace: NAMESPACE,
      store: { outbound: store, inbound },
      onLost: nothing,
    });
    await gone.look(0);
  }

  async rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    if (this.#store === undefined) throw new Error('The collector is away');
    return rowsOf(await runQuery(this.#store, sql));
  }

  /** By gateway, what its rows stand for. */
  async totals(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.rows(
      "select split_part(event_id, '/', 1) as gateway, sum(repeats)::int as n from access.outbound_network group by 1",
    );
    return new Map(rows.map(({ gateway, n }) => [String(gateway), Number(n)]));
  }

  askAs(name: string): AskCollector {
    return async ({ method, body }) => {
      const store = this.#store;
      const fate = method === 'POST' ? this.fates.shift() : undefined;
      if (store === undefined || fate === 'lost before it is stored')
        throw new Error('The collector is away');
      if (method === 'GET') {
        const { positions, ...progress } = await store.progress(name);
        const answer = { ...progress, positions: Object.fromEntries(positions), canRaise: true };
        return { status: 200, text: JSON.stringify(answer) };
      }
      const answer = await this.#receive(name, body ?? Buffer.alloc(0), store);
      if (fate !== undefined) throw new Error('The answer is lost');
      return answer;
    };
  }

  async #receive(name: string, body: Buffer, store: DenialStore) {
    try {
      const outcome = await receiveBatch(
        { kind: 'gateway', name, direction: 'outbound' },
        async () => JSON.parse(gunzipSync(body).toString()),
        { schema: BATCH_SCHEMAS.outbound, sink: store, identify: async (rows) => rows, onStored: nothing },
      );
      return { status: 200, text: JSON.stringify(outcome) };
    } catch (error) {
      const status = error instanceof CollectorError ? error.status : 500;
      return { status, text: JSON.stringify({ error: (error as Error).message }) };
    }
  }

  /** What is on the disk at this moment. */
  #copied(): string {
    const path = this.#newPath();
    for (const end of ['', '.wal']) if (existsSync(this.#path + end)) cpSync(this.#path + end, path + end);
    return path;
  }

  #newPath(): string {
    this.#files += 1;
    return join(this.#folder, `denials-${this.#files}.duckdb`);
  }
}

const MAX_BYTES = 20_000;
const LAST_ROWS_MS = 300;

/** One pod, over the restarts of its process. */
export class StoryGateway {
  readonly name: string;
  readonly #cluster: StoryCluster;
  readonly #collector: StoryCollector;
  readonly #root: string;
  #folder: string;
  #disks = 0;
  #spools: Spools | undefined;
  #reporter: GatewayReporter | undefined;
  /** Names that were asked for since the last report. */
  sinceReport = 0;

  constructor(name: string, root: string, cluster: StoryCluster, collector: StoryCollector) {
    this.name = name;
    this.#root = root;
    this.#cluster = cluster;
    this.#collector = collector;
    this.#folder = join(root, 'disk-0');
    mkdirSync(this.#folder, { recursive: true });
    cluster.addPod(name);
  }

  async start(): Promise<void> {
    const { name } = this;
    const disk = this.#disks;
    const ask = this.#collector.askAs(name);
    const cut: AskCollector = (request) =>
      disk === this.#disks ? ask(request) : Promise.reject(new Error('This process was killed'));
    this.#spools = await openRowSpools<AccessLogLine, Denial>({
      gateway: name,
      ...{ rowsPerSecond: 40, shape: OUTBOUND_SHAPE, folder: this.#folder, countsLossesOfSink: true },
      reader: outboundReader({ accountId: 'acme', findRule: () => null, isStillAllowed: () => false }),
      sink: collectorSink(cut, 'outbound'),
      logs: [{ name: 'access', reopen: async () => undefined }],
      ...{ maxBytes: MAX_BYTES, budgetBytes: 60_000_000 },
      ...{ onDenials: nothing, onUnreadableLines: nothing, onTruncatedLines: nothing, onTornLine: nothing },
      ...{ onLost: nothing, onFailure: nothing },
    });
    await this.#spools.start();
    const { api } = this.#cluster;
    this.#reporter = new GatewayReporter({ api, namespace: NAMESPACE, podName: name, onFailure: nothing });
    this.#reporter.report({ ready: true });
  }

  deny(hosts: readonly string[]): void {
    const time = new Date().toISOString();
    for (const host of hosts)
      appendFileSync(
        join(this.#folder, 'access.log'),
        `${lineText({ time }, { authority: `${host}:443` })}\n`,
      );
    this.sinceReport += hosts.length;
  }

  async report(): Promise<void> {
    const denials = await this.#spools?.recordedDenials();
    if (denials !== undefined) await this.#reporter?.reportLastDenials(denials);
    this.sinceReport = 0;
  }

  /** Its process is killed, and the next one has what the disk has now. */
  async restart(): Promise<void> {
    const former = this.#folder;
    this.#disks += 1;
    this.#folder = join(this.#root, `disk-${this.#disks}`);
    mkdirSync(this.#folder);
    // What was acknowledged is written before the position, so it is copied after that.
    const names = readdirSync(former).filter((name) => !name.endsWith('.tmp'));
    for (const name of [...names.filter((one) => one !== 'lost.json'), 'lost.json'])
      if (existsSync(join(former, name))) cpSync(join(former, name), join(this.#folder, name));
    await this.#close();
    rmSync(former, { recursive: true });
    await this.start();
  }

  /** As `sallyport drain` and the end of the pod: sends what it can, in the time that it has, and reports the rest. */
  async drain(lastRowsMs = LAST_ROWS_MS): Promise<void> {
    await within(lastRowsMs, this.#spools?.drain() ?? Promise.resolve());
    await this.report();
    await this.kill();
  }

  /** The pod and its disk are gone. */
  async kill(): Promise<void> {
    this.#disks += 1;
    await this.#close();
    this.#cluster.deletePod(this.name);
    rmSync(this.#root, { recursive: true });
  }

  async #close(): Promise<void> {
    await this.#reporter?.stop();
    await this.#spools?.close();
  }
}
