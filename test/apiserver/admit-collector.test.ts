// What the collector may write, under its own ServiceAccount: Events in its own name, and none of other programs.
import { pathOf, type Resource } from '../../operator/lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { accountUser, COLLECTOR_ACCOUNT, SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { type AdmissionScene, READY, startAdmissionScene } from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS, installCollectorRoles } from '../support/cluster/control-plane.ts';

const EVENTS: Resource = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  plural: 'events',
  isNamespaced: true,
};

let scene: AdmissionScene;
let collector: KubernetesApi;

beforeAll(async () => {
  scene = await startAdmissionScene();
  await installCollectorRoles(scene.controlPlane);
  collector = await scene.actingAs(accountUser(SYSTEM_NAMESPACE, COLLECTOR_ACCOUNT));
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

function create(api: KubernetesApi, name: string, reportingController: string): Promise<unknown> {
  const { apiVersion, kind } = EVENTS;
  const event = {
    ...{ apiVersion, kind, metadata: { name, namespace: READY }, eventTime: '2026-01-01T00:00:00.000000Z' },
    ...{ reportingController, reportingInstance: 'i', action: 'A', reason: 'R', type: 'Normal' },
    regarding: { apiVersion: 'v1', kind: 'Pod', name: 'x', namespace: READY },
  };
  return api.request({ method: 'POST', path: pathOf(EVENTS, { namespace: READY }), body: event });
}

function repeat(name: string): Promise<unknown> {
  const series = { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' };
  return collector.request({
    ...{ method: 'PATCH', path: pathOf(EVENTS, { namespace: READY, name }) },
    ...{ contentType: 'application/merge-patch+json', body: { series } },
  });
}

it('admits Events of the collector itself, and rejects those in the name of others', async () => {
  await create(collector, 'own', 'sallyport.dev/collector');
  await repeat('own');
  const refusal = 'the collector of Sallyport writes only Events of its own';
  await expect(create(collector, 'forged', 'kubelet')).rejects.toThrow(refusal);
  await create(scene.root, 'foreign', 'kubelet');
  await expect(repeat('foreign')).rejects.toThrow(refusal);
});
