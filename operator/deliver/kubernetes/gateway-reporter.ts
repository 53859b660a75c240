// Writes the GatewayReport of one pod: the running revisions of a gateway when they change, how many denials wait, and a
// renewal every few seconds.
// Failed writes are tried again, and never delay anything else.
import { isDeepStrictEqual } from 'node:util';
import { type OwnerReference, pathOf } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';
import { GATEWAY_REPORTS } from '../../model/cluster-resources.ts';
import type { GatewayReportSpec } from '../../model/gateway-report.ts';
import { findPodOwners } from './pod-owner.ts';

export type ReportContent = Omit<GatewayReportSpec, 'renewTime' | 'denials'>;

/** How many denials were recorded, and how many of these are not sent. */
export type ReportedDenials = Omit<NonNullable<GatewayReportSpec['denials']>, 'podUid'>;

interface WrittenReport extends ReportContent {
  readonly denials?: ReportedDenials;
}

export interface GatewayReporterOptions {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly podName: string;
  readonly onFailure: (error: unknown) => void;
  /** How often the gateway renews its report; 10 s unless given. */
  readonly renewMs?: number;
}

const FIELD_MANAGER = 'sallyport-gateway';
/** Changes in quick succession are one write. */
const MIN_INTERVAL_MS = 100;
const RETRY_INTERVAL_MS = 2000;
const RENEW_MS = 10_000;
/** How long a stopping gateway waits for its last report to be written. */
const FAREWELL_MS = 2000;
const NOT_FOUND = 404;

export class GatewayReporter {
  readonly #options: GatewayReporterOptions;
  readonly #loop: Loop;
  readonly #stopped = new AbortController();
  #content: ReportContent | undefined;
  #denials: ReportedDenials | undefined;
  #written: WrittenReport | undefined;
  #owners: readonly OwnerReference[] | undefined;

  constructor(options: GatewayReporterOptions) {
    this.#options = options;
    this.#loop = new Loop({
      job: async () => {
        await this.#notify(this.#stopped.signal);
        return {};
      },
      minIntervalMs: MIN_INTERVAL_MS,
      retryIntervalMs: RETRY_INTERVAL_MS,
      maxIntervalMs: options.renewMs ?? RENEW_MS,
      clock: SYSTEM_CLOCK,
      onFailure: options.onFailure,
    });
  }

  /** Written soon; not written where equal to the last one. */
  report(content: ReportContent): void {
    if (isDeepStrictEqual(content, this.#content)) return;
    this.#content = content;
    this.#loop.trigger();
  }

  /** Written soon. While denials are not sent, the report has no owner: it stays when the pod is gone. */
  reportDenials(denials: ReportedDenials): void {
    const known = this.#denials;
    this.#denials = denials.unsent > 0 ? denials : undefined;
    if (!isDeepStrictEqual(known, this.#denials)) this.#loop.trigger();
  }

  /** Written now, and not only by the loop, since the pod ends: what is not sent by then is lost. */
  async reportLastDenials(denials: ReportedDenials): Promise<void> {
    this.#denials = denials.unsent > 0 ? denials : undefined;
    await this.#notify(AbortSignal.timeout(FAREWELL_MS)).catch(this.#options.onFailure);
  }

  /** Reports as not ready, where the API server can be reached. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop.stop();
    if (this.#content === undefined) return;
    this.#content = { ...this.#content, ready: false };
    await this.#notify(AbortSignal.timeout(FAREWELL_MS)).catch(this.#options.onFailure);
  }

  async #notify(signal: AbortSignal): Promise<void> {
    if (this.#content === undefined) return;
    const content = { ...this.#content, ...(this.#denials && { denials: this.#denials }) };
    if (isDeepStrictEqual(content, this.#written) && (await this.#renew(signal))) return;
    await this.#apply(content, signal);
  }

  /** False where there is no report to renew. */
  async #renew(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#options.api.request({
        method: 'PATCH',
        path: this.#path(),
        query: { fieldManager: FIELD_MANAGER },
        body: { spec: { renewTime: new Date().toISOString() } },
        contentType: 'application/merge-patch+json',
        signal,
      });
      return true;
    } catch (error) {
      if (error instanceof ApiFailure && error.status === NOT_FOUND) return false;
      throw error;
    }
  }

  async #apply({ denials, ...content }: WrittenReport, signal: AbortSignal): Promise<void> {
    const { api, namespace, podName } = this.#options;
    this.#owners ??= await findPodOwners(this.#options, signal);
    const [pod] = this.#owners;
    const stays = denials !== undefined && pod !== undefined;
    await api.request({
      method: 'PATCH',
      path: this.#path(),
      query: { fieldManager: FIELD_MANAGER, force: 'true' },
      body: {
        apiVersion: GATEWAY_REPORTS.apiVersion,
        kind: GATEWAY_REPORTS.kind,
        metadata: { name: podName, namespace, ...(stays ? {} : { ownerReferences: this.#owners }) },
        spec: {
          ...content,
          ...(stays && { denials: { ...denials, podUid: pod.uid } }),
          renewTime: new Date().toISOString(),
        },
      },
      contentType: 'application/apply-patch+yaml',
      signal,
    });
    this.#written = { ...content, ...(denials && { denials }) };
  }

  #path(): string {
    const { namespace, podName: name } = this.#options;
    return pathOf(GATEWAY_REPORTS, { namespace, name });
  }
}
