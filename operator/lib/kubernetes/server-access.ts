// Where the API server is, and as whom we reach it: by a kubeconfig, or as the service account of the pod that this runs
// in. Kubeconfigs have many ways to log in, all of which @kubernetes/client-node knows; loading it takes half a second and
// 30 MB, so a pod, which has one way, does without.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type KubeconfigPlace, loadKubeconfig, UnusableKubeconfig } from './load-kubeconfig.ts';

export interface TlsOptions {
  headers: Record<string, string>;
  auth?: string;
  ca?: Buffer | string;
  cert?: Buffer | string;
  key?: Buffer | string;
  rejectUnauthorized?: boolean;
  servername?: string;
}

export interface ServerAccess {
  readonly server: URL;
  /** As they are now: tokens and certificates on disk are replaced from time to time. */
  readonly credentials: () => Promise<TlsOptions>;
}

export interface AccessOptions {
  /** Path of a kubeconfig; undefined for the service account of the pod. */
  readonly kubeconfig?: string | undefined;
  /** Of the kubeconfig; its current one unless given. */
  readonly context?: string | undefined;
  /** Address of the API server in a pod. */
  readonly podServer?: string | undefined;
  /** Nothing that says who we are. */
  readonly isAnonymous?: boolean;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Throws where that is not known, with the path and what to do; `directory` has the service account's files. */
export async function serverAccess(
  { kubeconfig, context, podServer, isAnonymous = false }: AccessOptions,
  directory = SERVICE_ACCOUNT,
): Promise<ServerAccess> {
  try {
    if (kubeconfig !== undefined) return await kubeconfigAccess({ kubeconfig, context }, isAnonymous);
    if (podServer === undefined) throw new Error('This runs in no pod: KUBERNETES_SERVICE_HOST is not set');
    return await podAccess(podServer, isAnonymous, directory);
  } catch (cause) {
    if (cause instanceof UnusableKubeconfig) throw cause;
    const where = kubeconfig === undefined ? "the pod's service account" : `kubeconfig "${kubeconfig}"`;
    throw new Error(
      `Cannot find out how to reach the API server from ${where}: name a kubeconfig with --kubeconfig`,
      { cause },
    );
  }
}

async function podAccess(server: string, isAnonymous: boolean, directory: string): Promise<ServerAccess> {
  const credentials = async (): Promise<TlsOptions> => {
    const ca = await readFile(join(directory, 'ca.crt'));
    if (isAnonymous) return { headers: {}, ca };
    const token = (await readFile(join(directory, 'token'), 'utf8')).trim();
    return { headers: { authorization: `Bearer ${token}` }, ca };
  };
  await credentials();
  return { server: new URL(server), credentials };
}

async function kubeconfigAccess(place: KubeconfigPlace, isAnonymous: boolean): Promise<ServerAccess> {
  const config = await loadKubeconfig(place);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new UnusableKubeconfig('It has no cluster');
  if (isAnonymous) config.loadFromClusterAndUser(cluster, { name: 'nobody' });
  const credentials = async (): Promise<TlsOptions> => {
    const options: TlsOptions = { headers: {} };
    await config.applyToHTTPSOptions(options as Parameters<typeof config.applyToHTTPSOptions>[0]);
    return options;
  };
  return { server: new URL(cluster.server), credentials };
}
