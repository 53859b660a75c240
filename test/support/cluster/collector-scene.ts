// A collector with its own rights on a real API server, and the pod that people find it by. An API server without nodes
// forwards no ports, so a connection to the collector stands for that.
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { readCollectorConfig } from '../../../operator/cluster-config.ts';
import type { KubernetesApi } from '../../../operator/lib/kubernetes/kubernetes-api.ts';
import { createLogger } from '../../../operator/lib/logger.ts';
import {
  COLLECTOR_ACCOUNT,
  COLLECTOR_AUDIENCE,
  GATEWAY_ACCOUNT,
  SYSTEM_NAMESPACE,
} from '../../../operator/model/system-names.ts';
import { CollectorProcess } from '../../../operator/roles/collector/process.ts';
import type { OpenPort } from '../../../operator/roles/shared/collector-of-cluster.ts';
import type { ControlPlane } from './control-plane.ts';

const silent = createLogger({
  ...{ role: 'test', level: 'error' },
  stream: new Writable({ write: (_chunk, _encoding, done) => done() }),
});

/** Over the denial log of that directory, where there is one. */
export async function startCollector(controlPlane: ControlPlane, state: string): Promise<CollectorProcess> {
  const kubeconfig = await controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, COLLECTOR_ACCOUNT);
  const options = {
    ...{ kubeconfig, namespace: SYSTEM_NAMESPACE, healthPort: '0', logLevel: 'info', port: '0' },
    ...{ listenAddress: '127.0.0.1', state, retention: '36500d', retentionSize: '1GB', store: 'duckdb' },
  };
  return CollectorProcess.start(readCollectorConfig(options, {}), silent);
}

export async function makeCollectorPod(root: Pick<KubernetesApi, 'request'>): Promise<void> {
  const pods = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/pods`;
  const metadata = { name: 'collector-1', labels: { 'app.kubernetes.io/name': 'sallyport-collector' } };
  const spec = { serviceAccountName: COLLECTOR_ACCOUNT, containers: [{ name: 'main', image: 'none' }] };
  await root.request({ method: 'POST', path: pods, body: { apiVersion: 'v1', kind: 'Pod', metadata, spec } });
  await root.request({
    ...{ method: 'PATCH', path: `${pods}/collector-1/status`, contentType: 'application/merge-patch+json' },
    body: { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } },
  });
}

/** A gateway's pod, and the token that its kubelet would give it. */
export async function makeGatewayPod(root: Pick<KubernetesApi, 'request'>, name: string): Promise<string> {
  const home = `/api/v1/namespaces/${SYSTEM_NAMESPACE}`;
  const pod = {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name } },
    spec: { serviceAccountName: GATEWAY_ACCOUNT, containers: [{ name: 'main', image: 'none' }] },
  };
  await root.request({ method: 'POST', path: `${home}/pods`, body: pod });
  const wish = {
    ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' },
    spec: { audiences: [COLLECTOR_AUDIENCE], boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name } },
  };
  const path = `${home}/serviceaccounts/${GATEWAY_ACCOUNT}/token`;
  const answer = await root.request({ method: 'POST', path, body: wish });
  return (answer as { readonly status: { readonly token: string } }).status.token;
}

export function portOf(running: () => Pick<CollectorProcess, 'port'>): OpenPort {
  return async () => connect(running().port, '127.0.0.1');
}
