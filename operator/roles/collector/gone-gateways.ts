// Gateways and pods of the REST API that are gone: denials that they had not sent are counted, each by a row of no workspace, from the last
// report; then the report is deleted, and the store forgets how far their logs were stored.
import { z } from 'zod';
import { inboundLost, type LostRows, outboundLost } from '../../denials/reading/lost-rows.ts';
import { type LogRow, numberRows, type RowSink, type Unnumbered } from '../../denials/store/row-sink.ts';
import { pathOf } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { GATEWAY_REPORTS, PODS } from '../../model/cluster-resources.ts';
import type { GatewayReportSpec } from '../../model/gateway-report.ts';
import type { RowStore } from './row-store.ts';

export interface GoneGatewaysOptions {
  readonly api: Pick<KubernetesApi, 'request'>;
  readonly namespace: string;
  readonly store: Pick<RowStore, 'outbound' | 'inbound' | 'forgetGateways'>;
  readonly onLost: (gateway: string, lost: number) => void;
}

const reportsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), uid: z.string() }),
      spec: z.object({
        direction: z.string().optional(),
        renewTime: z.string(),
        denials: z.object({ podUid: z.string(), recorded: z.int(), unsent: z.int() }).optional(),
      }),
    }),
  ),
});
const podsSchema = z.object({
  items: z.array(z.object({ metadata: z.object({ name: z.string(), uid: z.string() }) })),
});

type Report = z.infer<typeof reportsSchema>['items'][number];
type Unsent = NonNullable<GatewayReportSpec['denials']>;

const GONE = [404, 409];
/** Where nobody says which account it was. */
const NO_ACCOUNT = '';

/**
 * Its kubelet lets a pod that was deleted by force end for some seconds, in which it sends what it has: so long its token is
 * still believed, here and by the API server.
 */
const SETTLED_MS = 30_000;

export class GoneGateways {
  readonly #options: GoneGatewaysOptions;
  /** Since when a pod is known to be gone, by its uid. */
  #goneSinceMs: ReadonlyMap<string, number> = new Map();

  constructor(options: GoneGatewaysOptions) {
    this.#options = options;
  }

  /** Counts for those that are known to be gone for so long. */
  async look(settledMs = SETTLED_MS): Promise<void> {
    const { api, namespace, store } = this.#options;
    // In this order: the pod of a report was there before it.
    const reports = reportsSchema.parse(
      await api.request({ method: 'GET', path: pathOf(GATEWAY_REPORTS, { namespace }) }),
    );
    const pods = podsSchema.parse(await api.request({ method: 'GET', path: pathOf(PODS, { namespace }) }));
    const uids = new Set(pods.items.map(({ metadata }) => metadata.uid));
    const gone = reports.items.flatMap((report) => {
      const { denials } = report.spec;
      return denials === undefined || uids.has(denials.podUid) ? [] : [{ report, denials }];
    });
    const nowMs = performance.now();
    this.#goneSinceMs = new Map(
      gone.map(({ denials: { podUid } }) => [podUid, this.#goneSinceMs.get(podUid) ?? nowMs]),
    );
    for (const { report, denials } of gone)
      if (nowMs - (this.#goneSinceMs.get(denials.podUid) ?? nowMs) >= settledMs)
        await settle(report, denials, this.#options);
    await store.forgetGateways?.(pods.items.map(({ metadata }) => metadata.name));
  }
}

async function settle(
  report: Report,
  denials: Unsent,
  { api, namespace, store, onLost }: GoneGatewaysOptions,
): Promise<void> {
  const { name, uid } = report.metadata;
  const lost =
    (report.spec.direction ?? 'EGRESS') === 'EGRESS'
      ? await countLost(report, denials, store.outbound, outboundLost(NO_ACCOUNT))
      : await countLost(report, denials, store.inbound, inboundLost(NO_ACCOUNT));
  if (lost > 0) onLost(name, lost);
  // Only this one: another pod of that name may have written another.
  const path = pathOf(GATEWAY_REPORTS, { namespace, name });
  await api.request({ method: 'DELETE', path, body: { preconditions: { uid } } }).catch((error: unknown) => {
    if (!(error instanceof ApiFailure && GONE.includes(error.status))) throw error;
  });
}

/** How many the row says; 0 where all were stored, or the row is there already. */
async function countLost<Row extends LogRow>(
  { metadata: { name: gateway }, spec: { renewTime } }: Report,
  { podUid, recorded, unsent }: Unsent,
  sink: RowSink<Row>,
  rows: LostRows<Unnumbered<Row>>,
): Promise<number> {
  const logFile = `gone.${podUid}`;
  const progress = await sink.progress(gateway);
  const lost = progress.denials === undefined ? unsent : recorded - progress.denials;
  if (lost <= 0 || progress.positions.has(logFile)) return 0;
  const row = rows.rowOf({
    ...{ eventId: `${gateway}/${logFile}/0`, eventTime: renewTime, lost, owner: rows.nobody },
  });
  const denials = numberRows<Row>([row], progress.lastSequence);
  const { stored } = await sink.append({ gateway, logFile, upTo: 1, denials });
  return stored > 0 ? lost : 0;
}
