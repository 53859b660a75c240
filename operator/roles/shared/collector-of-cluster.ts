// The collector of a cluster, for a person: found and reached through the API server, with the person's own rights.
import type { Duplex } from 'node:stream';
import {
  askCollector,
  type CollectorClient,
  type PersonCredentials,
} from '../../denials/asking/ask-collector.ts';
import { ForwardFailure, forwardPort, type PodPort } from '../../lib/kubernetes/forward-port.ts';
import { serverAccess } from '../../lib/kubernetes/server-access.ts';
import { CONFIG_MAPS, PODS } from '../../model/cluster-resources.ts';
import {
  COLLECTOR_NAME,
  COLLECTOR_PORT,
  collectorHost,
  GATEWAY_LABEL,
  GATEWAY_NAME,
} from '../../model/system-names.ts';
import type { PersonConfig } from '../../person-config.ts';
import { nothingRuns } from './nothing-runs.ts';
import { describeRight, mayI, type PersonApi, type Right, readAll, readOne } from './person-access.ts';

/** Opens a port of a pod. */
export type OpenPort = (config: PersonConfig, port: PodPort) => Promise<Duplex>;

export interface CollectorPlace {
  readonly config: PersonConfig;
  readonly api: PersonApi;
  readonly openPort?: OpenPort;
}

/** Throws a sentence where there is no collector, or where the person may not reach it. */
export async function reachCollector(place: CollectorPlace): Promise<CollectorClient> {
  const { config } = place;
  const authority = await readAuthority(place);
  const { credentials } = await serverAccess(config);
  const own = async (): Promise<PersonCredentials> => identityOf(await credentials());
  await own();
  return askCollector({
    ...{ serverName: collectorHost(config.systemNamespace), authority, credentials: own },
    open: () => openCollector(place, COLLECTOR_PORT),
  });
}

/** A port of its pod, found anew for each connection: the pod of the last one may have gone. */
export async function openCollector(
  { config, api, openPort = forwardPort }: CollectorPlace,
  port: number,
): Promise<Duplex> {
  const { systemNamespace: namespace } = config;
  const pod = await findPod(api, namespace);
  try {
    return await openPort(config, { namespace, pod, port });
  } catch (cause) {
    throw new Error(await whyNot(cause, api, { namespace, pod, port }), { cause });
  }
}

/** Pods that every installation has. */
const INSTALLED = `${GATEWAY_LABEL} in (${GATEWAY_NAME},${COLLECTOR_NAME})`;

async function readAuthority({ config, api }: CollectorPlace): Promise<string> {
  const { systemNamespace: namespace } = config;
  const found = (await readOne(api, CONFIG_MAPS, { namespace, name: COLLECTOR_NAME })) as
    | { readonly data?: { readonly 'ca.crt'?: string } }
    | undefined;
  const authority = found?.data?.['ca.crt'];
  if (authority !== undefined) return authority;
  // Who may not list pods is told so when the collector's is looked for.
  const pods = await readAll(api, PODS, { namespace, labelSelector: INSTALLED }).catch(() => undefined);
  if (pods?.length === 0) throw new Error(nothingRuns(namespace));
  throw new Error(
    `Cannot find a collector in Namespace "${namespace}": set "collector.enabled: true" in the values of the chart, or name Sallyport's Namespace with --system-namespace`,
  );
}

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

async function findPod(api: PersonApi, namespace: string): Promise<string> {
  const labelSelector = `${GATEWAY_LABEL}=${COLLECTOR_NAME}`;
  const pods = (await readAll(api, PODS, { namespace, labelSelector })) as readonly Pod[];
  const ready = pods.find(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined &&
      (status?.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True'),
  );
  if (ready !== undefined) return ready.metadata.name;
  throw new Error(
    `Cannot reach the collector: Namespace "${namespace}" has no ready pod with label "${labelSelector}"; see "kubectl get pods -n ${namespace} -l ${labelSelector}", and set "collector.enabled: true" in the values of the chart where there is none`,
  );
}

async function whyNot(cause: unknown, api: PersonApi, { namespace, pod, port }: PodPort): Promise<string> {
  const { message } = cause as Error;
  const what = `Cannot open port ${port} of pod "${namespace}/${pod}" through the API server`;
  if (!(cause instanceof ForwardFailure) || cause.status !== 403) return `${what}: ${message}; try again`;
  // API servers ask for one or the other, by their version.
  const verbs = ['create', 'get'].map((verb): Right => {
    return { verb, group: '', resource: 'pods', subresource: 'portforward', namespace };
  });
  const allowed = await Promise.all(verbs.map((right) => mayI(api, right).catch(() => true)));
  const missing = verbs.filter((_, at) => allowed[at] === false).map(describeRight);
  return `${what}: you may not ${missing.join(', nor ') || 'do that'}; ask an administrator for a Role with these verbs`;
}

/** What the collector knows a person by. Throws where the kubeconfig has neither. */
function identityOf(access: Awaited<ReturnType<Awaited<ReturnType<typeof serverAccess>>['credentials']>>) {
  const headers = new Headers(access.headers);
  if (headers.has('impersonate-user'))
    throw new Error(
      'Cannot ask the collector as another user: it knows who calls by their own credentials; use a context without "as"',
    );
  const [, token] = /^bearer (.+)$/i.exec(headers.get('authorization') ?? '') ?? [];
  const { cert, key } = access;
  if (token !== undefined) return { token };
  if (cert !== undefined && key !== undefined) return { cert, key };
  throw new Error(
    'Cannot sign in to the collector: the user of the kubeconfig has neither a token nor a client certificate; choose another with --context',
  );
}
