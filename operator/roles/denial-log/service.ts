// The denial log as a process: follows the spools, stores, answers queries. Its parent (process.ts) starts it, sends
// it tables and ends it. Whatever happens here, the spools are on disk.
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type QueryServer, serveQueries } from '../../denials/query/query-socket.ts';
import { outboundReader } from '../../denials/reading/read-denials.ts';
import { RuleHistory } from '../../denials/reading/rule-history.ts';
import { DenialRetention } from '../../denials/store/denial-retention.ts';
import { DenialStore } from '../../denials/store/duckdb/denial-store.ts';
import { isDamage, isFullDisk, OpenElsewhereError } from '../../denials/store/duckdb/open-database.ts';
import { describeSetAside } from '../../denials/store/duckdb/set-aside.ts';
import { OUTBOUND_SHAPE } from '../../denials/store/row-shapes.ts';
import type { LostLine } from '../../gateway/log/log-batch.ts';
import { DNS_LOG, type Spools } from '../../gateway/log/spools.ts';
import { EnvoyAdmin } from '../../gateway/process/envoy-admin.ts';
import type { IpcCalls } from '../../lib/ipc-calls.ts';
import { Tally } from '../../lib/tally.ts';
import { within } from '../../lib/within.ts';
import { type AccessLogLine, TRUNCATION_MARK } from '../../model/access-log-line.ts';
import type { Denial } from '../../model/denial.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import { InboundLog } from '../shared/inbound-log.ts';
import { describeLoss, envoyLog, openRowSpools, type RowSpoolsOptions } from '../shared/row-spools.ts';
import {
  DENIAL_LOG_PROGRAM,
  type LogPhase,
  type OpenRequest,
  type PlanChange,
  type TableChange,
} from './calls.ts';
import { DenialWindow } from './denial-window.ts';

/** A process that has just been killed needs a moment to release the file. */
const OPEN_ELSEWHERE_MS = 3000;
const OPEN_AGAIN_MS = 100;
/** For an answer of the parent about tables or plans; the rows do not wait longer. */
const SYNC_MS = 1000;
/** At the end, for lines written so far; the rest stays in the spools. */
const LAST_DRAIN_MS = 700;

interface Parts {
  readonly store: DenialStore;
  readonly queries: QueryServer;
  readonly spools: Spools;
  readonly inbound: InboundLog;
  readonly retention: DenialRetention;
}

type SpoolHooks = Pick<
  RowSpoolsOptions<never, never>,
  | 'store'
  | 'onUnreadableLines'
  | 'onTruncatedLines'
  | 'onTornLine'
  | 'onLost'
  | 'onFailure'
  | 'maxBytes'
  | 'budgetBytes'
>;

export class DenialLogService {
  readonly #parent: IpcCalls;
  readonly #tables = new Map<string, EgressTable>();
  readonly #plans = new Map<string, IngressPlan>();
  readonly #rules = new RuleHistory();
  /** Tables that the parent no longer has. */
  readonly #unknown = new Set<string>();
  readonly #unreadable: Tally;
  readonly #truncated: Tally;
  readonly #strangers: Tally;
  #parts: Parts | undefined;

  constructor(parent: IpcCalls) {
    this.#parent = parent;
    this.#unreadable = new Tally((count) =>
      this.#failure(`Cannot read ${count} lines of the log: what they recorded is not in the denial log`),
    );
    this.#strangers = new Tally((count) =>
      this.#failure(`Rejected queries of the denial log, whose callers did not present its secret: ${count}`),
    );
    this.#truncated = new Tally((count) =>
      this.#failure(
        `${count} lines of the log were too long: their rows have texts that end with "${TRUNCATION_MARK}"`,
      ),
    );
  }

  /** Throws where the database or the socket is not available. */
  async open(request: OpenRequest): Promise<void> {
    const store = await openStore(request);
    if (store.setAside !== undefined) this.#failure(describeSetAside(store.path, store.setAside));
    const queries = await serveQueries(store, {
      socketPath: request.querySocket,
      secretPath: request.querySecret,
      onUnwritten: (sentence) => this.#failure(sentence),
      onStranger: () => this.#strangers.add(1),
      timeLimitMs: request.queryTimeLimitMs,
      onRunaway: () => void this.#endRunaway(),
    });
    const spools = await this.#openSpools(request, store);
    const inbound = await this.#openInbound(request, store);
    const retention = new DenialRetention({
      store,
      maxAgeMs: request.retentionMs,
      maxBytes: request.maxBytes,
      onDeleted: (sentence) => this.#parent.notify('progress', sentence),
      onFailure: (error) => this.#failure(`Cannot delete old rows of the denial log: ${error.message}`),
    });
    this.#parts = { store, queries, spools, inbound, retention };
    this.#phase('idle');
  }

  tables({ changed, gone }: TableChange): void {
    for (const name of gone) this.#tables.delete(name);
    for (const table of changed) this.#tables.set(table.metadata.name, table);
    this.#rules.remember([...this.#tables.values()]);
  }

  plans({ changed, gone }: PlanChange): void {
    for (const name of gone) this.#plans.delete(name);
    for (const plan of changed) this.#plans.set(plan.metadata.name, plan);
    this.#parts?.inbound.remember([...this.#plans.values()]);
  }

  /** Starts with the lines in the spools. */
  async follow(): Promise<void> {
    await this.#parts?.spools.start();
    await this.#parts?.inbound.follow();
    this.#parts?.retention.start();
  }

  /** Resolves when every line written so far is in the store. */
  async drain(): Promise<void> {
    await this.#parts?.spools.drain();
    await this.#parts?.inbound.drain();
  }

  async stop(): Promise<void> {
    if (this.#parts === undefined) return;
    const { store, queries, spools, inbound, retention } = this.#parts;
    await within(LAST_DRAIN_MS, Promise.all([spools.drain(), inbound.drain()]));
    await Promise.all([spools.close(), inbound.close()]);
    await queries.close();
    await retention.stop();
    await store.close();
  }

  #openSpools(request: OpenRequest, store: DenialStore): Promise<Spools> {
    const { gateway, accountId, rowsPerSecond, shownPerSecond } = request;
    const window = new DenialWindow<Denial>(shownPerSecond, (shown) => this.#parent.notify('denials', shown));
    const admin = new EnvoyAdmin(request.envoyAdminSocket);
    return openRowSpools({
      gateway,
      sink: store,
      rowsPerSecond,
      shape: OUTBOUND_SHAPE,
      reader: outboundReader({
        accountId,
        findRule: (query) => this.#rules.findRule(query),
        isStillAllowed: (query) => this.#rules.isStillAllowed(query),
        prepare: (lines) => this.#prepare(lines),
      }),
      onDenials: (denials) => window.offer(denials),
      folder: request.spools,
      logs: [
        envoyLog(admin),
        { name: DNS_LOG, reopen: async () => void (await this.#parent.call('reopenDnsLog')) },
      ],
      ...this.#spoolHooks(request),
    });
  }

  /** What both directions have. */
  #spoolHooks({ rotateLogBytes, spoolBytes }: OpenRequest): SpoolHooks {
    return {
      store: (work) => this.#store(work),
      onUnreadableLines: (count) => this.#unreadable.add(count),
      onTruncatedLines: (count) => this.#truncated.add(count),
      onTornLine: (line) => this.#tornLine(line),
      onLost: (report) => this.#failure(describeLoss(report)),
      onFailure: (error) => this.#failure(error.message),
      maxBytes: rotateLogBytes,
      budgetBytes: spoolBytes,
    };
  }

  #openInbound(request: OpenRequest, store: DenialStore): Promise<InboundLog> {
    const { accountId, rowsPerSecond, shownPerSecond, inbound } = request;
    const admin = new EnvoyAdmin(inbound.envoyAdminSocket);
    const window = new DenialWindow<InboundDenial>(shownPerSecond, (shown) =>
      this.#parent.notify('inboundDenials', shown),
    );
    return InboundLog.open({
      ...inbound,
      accountId,
      rowsPerSecond,
      sink: store.inbound,
      sync: () => this.#sync(),
      onDenials: (denials) => window.offer(denials),
      admin,
      ...this.#spoolHooks(request),
    });
  }

  #tornLine({ logFile, bytes }: LostLine): void {
    this.#failure(`A log line was not written to its end: ${bytes} bytes of ${logFile} are lost`);
  }

  /** A database that DuckDB has invalidated ends the process: the next one reopens it, or sets it aside. */
  async #store(work: () => Promise<void>): Promise<void> {
    this.#phase('storing');
    try {
      await work();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#failure(`The denial log cannot use its database any more: ${(error as Error).message}`);
      await this.#parent.call('phase', (isFullDisk(error) ? 'disk full' : 'damaged') satisfies LogPhase);
      process.kill(process.pid, 'SIGKILL');
    }
    this.#phase('stored');
  }

  /** Only the end of the process ends such a query; the next process continues with the spools. */
  async #endRunaway(): Promise<void> {
    const sentence = 'A query of the denial log ignores its time limit, so the log restarts';
    await this.#parent.call('failure', sentence).catch(() => undefined);
    process.kill(process.pid, 'SIGKILL');
  }

  /** A line may be read before its table arrives. */
  async #prepare(lines: readonly AccessLogLine[]): Promise<void> {
    const isNew = ({ context }: AccessLogLine): boolean =>
      !this.#rules.knows(context.table, context.revision) && !this.#unknown.has(keyOf(context));
    const strange = lines.filter(isNew);
    if (strange.length === 0) return;
    await this.#sync();
    for (const line of strange.filter(isNew)) this.#unknown.add(keyOf(line.context));
  }

  /** A call to the parent waits for all tables and plans that it has sent. */
  async #sync(): Promise<void> {
    await within(SYNC_MS, this.#parent.call('sync')).catch(() => undefined);
  }

  #phase(phase: LogPhase): void {
    this.#parent.notify('phase', phase);
  }

  #failure(sentence: string): void {
    this.#parent.notify('failure', sentence);
  }
}

function keyOf({ table, revision }: { readonly table: string; readonly revision: string }): string {
  return `${table}@${revision}`;
}

async function openStore({ database, mistrusted }: OpenRequest): Promise<DenialStore> {
  const endMs = performance.now() + OPEN_ELSEWHERE_MS;
  for (;;) {
    try {
      return await DenialStore.open(database, mistrusted === undefined ? {} : { mistrusted });
    } catch (error) {
      if (!(error instanceof OpenElsewhereError)) throw error;
      if (performance.now() > endMs) throw new OpenElsewhereError(database, await ownerOf(error.pid));
      await delay(OPEN_AGAIN_MS);
    }
  }
}

/** The process that a person would end: the parent, where the process is the denial log of another run. */
async function ownerOf(pid: number): Promise<number> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
  if (!(await read('cmdline')).split('\0').includes(DENIAL_LOG_PROGRAM)) return pid;
  return Number(/^PPid:\s+(\d+)$/m.exec(await read('status'))?.[1] ?? pid);
}
