// Changes of what a workspace implies: a Metastore attached, an external location and a connection added. How long
// until each is enforced, without a restart of anything.
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { manifest } from '../fixtures/object-fixture.ts';
import { apply, workspaceNames } from './cluster-objects.ts';
import type { GatewayProcess } from './gateway-process.ts';

const REGION = 'us-west-2';
const BUCKETS = ['bench-first', 'bench-second'] as const;
const DATABASE = 'database.partner.example';
const ALLOWED = 200;
const DENIED = 403;
const REST_MS = 500;

function bucketHost(bucket: string): string {
  return `${bucket}.s3.${REGION}.amazonaws.com`;
}

export const IMPLIED_NAMES: readonly string[] = [...BUCKETS.map(bucketHost), DATABASE];

export interface ImpliedChange {
  readonly what: string;
  /** Since the API server answered. */
  readonly enforcedMs: number;
}

export async function impliedChanges(
  api: KubernetesApi,
  gateways: readonly GatewayProcess[],
  port: number,
): Promise<readonly ImpliedChange[]> {
  const [first, second] = BUCKETS;
  const location = (bucketName: string) => ({ storageDestinationType: 'AWS_S3', bucketName, region: REGION });
  const connection = {
    name: 'partner',
    destination: DATABASE,
    transitionEndTime: new Date(Date.now() + 86_400_000).toISOString(),
  };
  const attached = {
    region: REGION,
    workspaces: [workspaceNames(1)[0]],
    externalLocations: [location(first)],
  };
  const extended = { ...attached, externalLocations: [location(first), location(second)] };
  const changes = [
    { what: 'a Metastore attached', host: bucketHost(first), spec: attached },
    { what: 'an external location added', host: bucketHost(second), spec: extended },
    { what: 'a connection added', host: DATABASE, spec: { ...extended, connections: [connection] } },
  ];
  const found: ImpliedChange[] = [];
  for (const { what, host, spec } of changes) {
    await untilAll(gateways, port, { host, status: DENIED });
    await apply(api, manifest('Metastore', 'bench', spec));
    const answeredMs = performance.now();
    const moments = await untilAll(gateways, port, { host, status: ALLOWED });
    found.push({ what, enforcedMs: Math.max(...moments) - answeredMs });
    await delay(REST_MS);
  }
  return found;
}

function untilAll(
  gateways: readonly GatewayProcess[],
  port: number,
  { host, status }: { readonly host: string; readonly status: number },
): Promise<readonly number[]> {
  return Promise.all(gateways.map((gateway) => gateway.untilStatus(port, host, status)));
}
