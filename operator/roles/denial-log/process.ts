// The denial log of `sallyport run`, from outside: a process of its own, so that no query, no damaged file and no flood
// of rows delays the DNS, the control of Envoy or the stop of the gateway. This side only supervises it.
import type { IpcCalls } from '../../lib/ipc-calls.ts';
import { EndedTooSoon, type SupervisedOptions, SupervisedProcess } from '../../lib/supervised-process.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import type { RunView } from '../run/view.ts';
import {
  DENIAL_LOG_PROGRAM,
  type LogPhase,
  type OpenRequest,
  type PlanChange,
  type ShownDenials,
  type TableChange,
} from './calls.ts';

export interface DenialLogProcessOptions extends Omit<OpenRequest, 'mistrusted'> {
  readonly view: RunView;
  /** Makes the DNS continue its spool in another file. */
  readonly reopenDnsLog: () => Promise<void>;
}

const NODE_OPTIONS = [
  '--max-old-space-size=192',
  '--max-semi-space-size=4',
  '--disable-warning=ExperimentalWarning',
];
/** Node.js alone reserves 650 MB of it, and uses 80 of these. */
const MEMORY_MB = 1100;
/** After so many consecutive exits while it worked on the database, the database is not opened again. */
const SUSPICIOUS_ENDS = 3;
const STOP_GRACE_MS = 1500;

export class DenialLogProcess {
  readonly #options: DenialLogProcessOptions;
  readonly #tables = new Map<string, EgressTable>();
  readonly #plans = new Map<string, IngressPlan>();
  #process: SupervisedProcess | undefined;
  #isFollowing = false;
  #phase: LogPhase = 'opening';
  #suspiciousEnds = 0;

  private constructor(options: DenialLogProcessOptions) {
    this.#options = options;
  }

  /** Throws, with nothing left running, where the database or the socket is not available. */
  static async start(options: DenialLogProcessOptions): Promise<DenialLogProcess> {
    const log = new DenialLogProcess(options);
    const { view } = options;
    log.#process = await log.#startProcess({
      program: DENIAL_LOG_PROGRAM,
      nodeOptions: NODE_OPTIONS,
      memoryMb: MEMORY_MB,
      prepare: (calls) => log.#prepare(calls),
      handlers: {
        sync: () => undefined,
        reopenDnsLog: () => options.reopenDnsLog(),
        phase: (phase) => log.#reached(phase as LogPhase),
        failure: (sentence) => view.failure(String(sentence)),
        progress: (sentence) => view.progress(String(sentence)),
        denials: (shown) => view.denials(shown as ShownDenials),
        inboundDenials: (shown) => view.inboundDenials(shown as ShownDenials<InboundDenial>),
      },
      onExit: ({ pid, reason }) => {
        log.#suspect();
        view.failure(`The denial log (pid ${pid}) is gone: ${reason}; starting it again`);
      },
      onRestart: ({ pid, error }) => {
        if (error === undefined) view.progress(`Started the denial log again (pid ${pid})`);
        else view.failure(`${error.message}; trying again`);
      },
    });
    return log;
  }

  /** A database that crashes every process that opens it must not keep the gateway from starting. */
  async #startProcess(options: SupervisedOptions): Promise<SupervisedProcess> {
    for (let ends = 0; ; ends += 1) {
      try {
        return await SupervisedProcess.start(options);
      } catch (error) {
        if (!(error instanceof EndedTooSoon) || ends === SUSPICIOUS_ENDS) throw error;
      }
    }
  }

  /** Undefined while none is ready. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** The tables that are about to be enforced; rows name their rules. */
  remember(tables: readonly EgressTable[]): void {
    const change = changeOf(this.#tables, tables);
    if (change !== undefined) this.#process?.notify('tables', change satisfies TableChange);
  }

  /** The ingress plans that are about to be enforced; rows name their entries, and hits are counted for them. */
  rememberPlans(plans: readonly IngressPlan[]): void {
    const change = changeOf(this.#plans, plans);
    if (change !== undefined) this.#process?.notify('plans', change satisfies PlanChange);
  }

  /** Starts storing the lines of the spools, also after a restart of the process. */
  async follow(): Promise<void> {
    this.#isFollowing = true;
    await this.#process?.call('follow');
  }

  /** Resolves when everything that is in the spools now has its row. */
  async drain(): Promise<void> {
    await this.#process?.call('drain');
  }

  async stop(): Promise<void> {
    await this.#process?.stop((calls) => calls.call('stop'), STOP_GRACE_MS);
  }

  async #prepare(calls: IpcCalls): Promise<void> {
    this.#phase = 'opening';
    const { view: _view, reopenDnsLog: _reopen, ...request } = this.#options;
    await calls.call('open', { ...request, mistrusted: this.#mistrust() } satisfies OpenRequest);
    await calls.call('tables', { changed: [...this.#tables.values()], gone: [] } satisfies TableChange);
    await calls.call('plans', { changed: [...this.#plans.values()], gone: [] } satisfies PlanChange);
    if (this.#isFollowing) await calls.call('follow');
  }

  /** Why the next process must not open the database; returned once, since a new database is not to blame. */
  #mistrust(): string | undefined {
    if (this.#suspiciousEnds < SUSPICIOUS_ENDS) return undefined;
    this.#suspiciousEnds = 0;
    return `the log ended ${SUSPICIOUS_ENDS} times in a row while it worked on the file`;
  }

  #reached(phase: LogPhase): void {
    this.#phase = phase;
    if (phase === 'stored') this.#suspiciousEnds = 0;
  }

  #suspect(): void {
    const isSuspicious = this.#phase === 'opening' || this.#phase === 'storing' || this.#phase === 'damaged';
    if (isSuspicious) this.#suspiciousEnds += 1;
  }
}

/** What differs from what is known, which becomes the same; undefined: nothing. */
function changeOf<One extends { readonly metadata: { readonly name: string } }>(
  known: Map<string, One>,
  all: readonly One[],
): { readonly changed: readonly One[]; readonly gone: readonly string[] } | undefined {
  const names = new Set(all.map(({ metadata }) => metadata.name));
  const gone = [...known.keys()].filter((name) => !names.has(name));
  const changed = all.filter((one) => known.get(one.metadata.name) !== one);
  for (const name of gone) known.delete(name);
  for (const one of changed) known.set(one.metadata.name, one);
  return changed.length === 0 && gone.length === 0 ? undefined : { changed, gone };
}
