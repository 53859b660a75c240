// Writes the CallerReport of one API pod when somebody new administers a workspace, and a little later when lists have
// decided about callers. Begins with the administrators whom all pods have reported, so that a new pod takes over from
// those that it replaces; failed writes are tried again.
import { isDeepStrictEqual } from 'node:util';
import { pathOf } from '../../lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import type { Caller } from '../../model/caller-report.ts';
import { CALLER_REPORTS } from '../../model/cluster-resources.ts';
import type { ListHitsReport } from '../../model/list-hits-report.ts';
import { type CompiledObject, parseCallerReport } from '../../model/parse-compiled.ts';
import { findPodOwners } from './pod-owner.ts';

export interface CallerReporterOptions {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly podName: string;
  /** What is known now. */
  readonly callers: () => readonly Caller[];
  /** How often lists have decided. */
  readonly listHits: () => readonly ListHitsReport[];
  /** How long hits wait at most; 15 s unless given. */
  readonly hitsMs?: number;
  /** Called with what others reported. */
  readonly onFormer: (callers: readonly Caller[]) => void;
  /** The first of failures in a row. */
  readonly onFailure: (error: unknown) => void;
  /** Reports are written again. */
  readonly onRecovery: () => void;
}

const FIELD_MANAGER = 'sallyport-api';
const MIN_INTERVAL_MS = 1000;
const RETRY_INTERVAL_MS = 10_000;
const HITS_MS = 15_000;

export class CallerReporter {
  readonly #options: CallerReporterOptions;
  readonly #loop: Loop;
  readonly #stopped = new AbortController();
  #hasFormer = false;
  #hasNews = false;
  #isFailing = false;
  #writtenHits: readonly ListHitsReport[] = [];

  constructor(options: CallerReporterOptions) {
    this.#options = options;
    this.#loop = new Loop({
      job: async () => {
        await this.#report(this.#stopped.signal);
        this.#recover();
        return {};
      },
      minIntervalMs: MIN_INTERVAL_MS,
      retryIntervalMs: RETRY_INTERVAL_MS,
      maxIntervalMs: options.hitsMs ?? HITS_MS,
      clock: SYSTEM_CLOCK,
      onFailure: (error) => this.#fail(error),
    });
  }

  /** Whether the last try failed: nobody else knows who administers from where. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  start(): void {
    this.#loop.trigger();
  }

  /** Somebody new is known. */
  report(): void {
    this.#hasNews = true;
    this.#loop.trigger();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop.stop();
  }

  #fail(error: unknown): void {
    const isFirst = !this.#isFailing;
    this.#isFailing = true;
    if (isFirst) this.#options.onFailure(error);
  }

  #recover(): void {
    const wasFailing = this.#isFailing;
    this.#isFailing = false;
    if (wasFailing) this.#options.onRecovery();
  }

  async #report(signal: AbortSignal): Promise<void> {
    if (!this.#hasFormer) await this.#readFormer(signal);
    const listHits = this.#options.listHits();
    if (!this.#hasNews && isDeepStrictEqual(listHits, this.#writtenHits)) return;
    this.#hasNews = false;
    try {
      await this.#apply(listHits, signal);
      this.#writtenHits = listHits;
    } catch (error) {
      this.#hasNews = true;
      throw error;
    }
  }

  async #readFormer(signal: AbortSignal): Promise<void> {
    const { api, namespace, onFormer } = this.#options;
    const path = pathOf(CALLER_REPORTS, { namespace });
    const { items } = (await api.request({ method: 'GET', path, signal })) as {
      readonly items: readonly CompiledObject[];
    };
    const callers = items.flatMap((item) => {
      const parsed = parseCallerReport(item);
      return 'object' in parsed ? parsed.object.spec.callers : [];
    });
    this.#hasFormer = true;
    if (callers.length === 0) return;
    onFormer(callers);
    this.#hasNews = true;
  }

  async #apply(listHits: readonly ListHitsReport[], signal: AbortSignal): Promise<void> {
    const { api, namespace, podName: name, callers } = this.#options;
    const ownerReferences = await findPodOwners(this.#options, signal);
    await api.request({
      method: 'PATCH',
      path: pathOf(CALLER_REPORTS, { namespace, name }),
      query: { fieldManager: FIELD_MANAGER, force: 'true' },
      body: {
        apiVersion: CALLER_REPORTS.apiVersion,
        kind: CALLER_REPORTS.kind,
        metadata: { name, namespace, ownerReferences },
        spec: { callers: callers(), listHits },
      },
      contentType: 'application/apply-patch+yaml',
      signal,
    });
  }
}
