// What gateways had not sent when their pods went, with the rights and the admission of a real API server: their last
// reports stay, the collector counts them once, and those of pods that are there are left alone.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GatewayReporter } from '../../operator/deliver/kubernetes/gateway-reporter.ts';
import { runQuery } from '../../operator/denials/query/run-query.ts';
import { DenialStore } from '../../operator/denials/store/duckdb/denial-store.ts';
import { pathOf } from '../../operator/lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { GATEWAY_REPORTS, PODS } from '../../operator/model/cluster-resources.ts';
import {
  accountUser,
  COLLECTOR_ACCOUNT,
  GATEWAY_ACCOUNT,
  SYSTEM_NAMESPACE as namespace,
} from '../../operator/model/system-names.ts';
import type { CollectorProcess } from '../../operator/roles/collector/process.ts';
import { rowsOf, sampleBatch } from '../fixtures/denial-fixture.ts';
import { type AdmissionScene, rejection, startAdmissionScene } from '../support/cluster/admission-scene.ts';
import { startCollector } from '../support/cluster/collector-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS, installCollectorRoles } from '../support/cluster/control-plane.ts';
import { until } from '../support/until.ts';

let scene: AdmissionScene;
let folder: string;
let running: CollectorProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gone-gateways-'));
  scene = await startAdmissionScene();
  await installCollectorRoles(scene.controlPlane);
  const store = await DenialStore.open(join(folder, 'denials.duckdb'));
  await store.append(sampleBatch(0, 10));
  await store.close();
  running = await startCollector(scene.controlPlane, folder);
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await running?.stop();
  await scene?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Report {
  readonly metadata: { readonly ownerReferences?: readonly { readonly name: string }[] };
  readonly spec: { readonly denials?: { readonly unsent: number } };
}

async function addGateway(
  name: string,
): Promise<{ readonly api: KubernetesApi; readonly reporter: GatewayReporter }> {
  const pod = {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name } },
    spec: { serviceAccountName: GATEWAY_ACCOUNT, containers: [{ name: 'main', image: 'none' }] },
  };
  await scene.root.request({ method: 'POST', path: pathOf(PODS, { namespace }), body: pod });
  const { controlPlane, connect } = scene;
  const api = await connect(await controlPlane.serviceAccountKubeconfig(namespace, GATEWAY_ACCOUNT, name));
  const reporter = new GatewayReporter({ api, namespace, podName: name, onFailure: () => undefined });
  reporter.report({ ready: true });
  return { api, reporter };
}

async function reportOf(name: string): Promise<Report | undefined> {
  const path = pathOf(GATEWAY_REPORTS, { namespace, name });
  return scene.root.request({ method: 'GET', path }).then(
    (report) => report as Report,
    () => undefined,
  );
}

async function untilUnsent(name: string, unsent: number | undefined): Promise<Report | undefined> {
  await until(
    `the report of ${name}`,
    async () =>
      (await reportOf(name))?.spec.denials?.unsent === unsent && (await reportOf(name)) !== undefined,
  );
  return reportOf(name);
}

async function deletePod(name: string): Promise<void> {
  const path = pathOf(PODS, { namespace, name });
  await scene.root.request({ method: 'DELETE', path, query: { gracePeriodSeconds: '0' } });
}

async function lostTotal(): Promise<string | undefined> {
  const answer = await fetch(`http://127.0.0.1:${running.healthPort}/metrics`);
  return /sallyport_denials_lost_total\{reason="pod-gone"\} (\d+)/.exec(await answer.text())?.[1];
}

test('a report has no owner while denials are not sent, and is counted once its pod is gone', async () => {
  const [gone, there] = [await addGateway('gw-1'), await addGateway('gw-2')];
  await untilUnsent('gw-1', undefined);
  expect((await reportOf('gw-1'))?.metadata.ownerReferences).toMatchObject([{ name: 'gw-1' }]);
  gone.reporter.reportDenials({ recorded: 25, unsent: 20 });
  there.reporter.reportDenials({ recorded: 7, unsent: 7 });
  expect((await untilUnsent('gw-1', 20))?.metadata.ownerReferences).toBeUndefined();
  await untilUnsent('gw-2', 7);
  await running.lookForGoneGateways();
  expect(await lostTotal()).toBeUndefined();
  await gone.reporter.stop();
  await deletePod('gw-1');
  await running.lookForGoneGateways();
  await running.lookForGoneGateways();
  // Ten were stored: five of the twenty were sent after the report.
  expect(await lostTotal()).toBe('15');
  expect(await reportOf('gw-1')).toBeUndefined();
  there.reporter.reportDenials({ recorded: 7, unsent: 0 });
  expect((await untilUnsent('gw-2', undefined))?.metadata.ownerReferences).toMatchObject([{ name: 'gw-2' }]);
  await there.reporter.stop();
});

test('the collector deletes no report of a gateway that has nothing to send', async () => {
  const collector = await scene.actingAs(accountUser(namespace, COLLECTOR_ACCOUNT));
  const path = pathOf(GATEWAY_REPORTS, { namespace, name: 'gw-2' });
  expect(await rejection(collector, { method: 'DELETE', path })).toContain('only the pod of that name may');
});

test('the row says how many at least, and of which gateway', async () => {
  await running.stop();
  const store = await DenialStore.open(join(folder, 'denials.duckdb'));
  const sql = `select reason, lost::int as lost, sequence, split_part(event_id, '/', 1) as gateway
    from access.outbound_network where lost > 0`;
  expect(rowsOf(await runQuery(store, sql))).toEqual([
    { reason: 'DENIALS_NOT_KEPT', lost: 15, sequence: 11, gateway: 'gw-1' },
  ]);
  await store.close();
  running = await startCollector(scene.controlPlane, folder);
});
