// Every row of every case once more, in a cluster: applied as kubectl does it, compiled by an operator and enforced by an
// agent's Envoy, both under the rights of their own ServiceAccounts.
import { ClusterScene } from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { listCases, readCase } from './case-folder.ts';
import { inCluster } from './cluster-cases.ts';
import { ClusterStage } from './cluster-stage.ts';
import { replayCases } from './replay-cases.ts';

let scene: ClusterScene;

beforeAll(async () => {
  scene = await ClusterScene.start();
  await scene.startOperator();
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene.stop());

replayCases({
  cases: listCases().map(readCase).map(inCluster),
  startStage: (found, outside) => ClusterStage.start(scene, found, outside),
  // Pods of several products share a lane.
  unknown: ['product', 'network_source_type'],
});
