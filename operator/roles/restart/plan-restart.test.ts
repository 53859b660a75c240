import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import { RESTARTED_AT_ANNOTATION } from '../../model/restart-procedure.ts';
import { WORKLOAD_KINDS } from '../../model/workload-kind.ts';
import { planRestart } from './plan-restart.ts';

const AT_MS = Date.parse('2027-01-31T09:15:30.400Z');
const ANNOTATED = { annotations: { [RESTARTED_AT_ANNOTATION]: '2027-01-31T09:15:30Z' } };

const objectWith = (spec: unknown, metadata = {}): KubernetesObject => ({
  ...{ apiVersion: 'v1', kind: 'Kind', metadata: { name: 'one', ...metadata } },
  spec,
});

function actionOf(name: string) {
  const found = WORKLOAD_KINDS.find((kind) => kind.name === name);
  if (found === undefined) throw new Error(`No kind is called "${name}"`);
  return found.restart.action;
}

test.each<[string, unknown, unknown]>([
  ['Deployment', { template: { metadata: {} } }, { template: { metadata: ANNOTATED } }],
  ['Knative Service', {}, { template: { metadata: ANNOTATED } }],
  ['KServe InferenceService', { predictor: {} }, { predictor: ANNOTATED }],
  [
    'KServe InferenceService',
    { predictor: {}, transformer: {} },
    { predictor: ANNOTATED, transformer: ANNOTATED },
  ],
  [
    'KServe InferenceService',
    { predictor: {}, transformer: null, explainer: { minReplicas: 1 } },
    { predictor: ANNOTATED, explainer: ANNOTATED },
  ],
])('planRestart() of %s annotates the templates of %j that are there', (name, spec, patched) => {
  const planned = planRestart(actionOf(name), objectWith(spec), AT_MS);
  expect(planned).toEqual({ kind: 'patch', patch: { spec: patched } });
});

test.each(['StatefulSet', 'DaemonSet'])('planRestart() of %s with OnDelete deletes pods', (name) => {
  const object = objectWith({ updateStrategy: { type: 'OnDelete' }, template: { metadata: {} } });
  expect(planRestart(actionOf(name), object, AT_MS)).toEqual({ kind: 'deletePods' });
  const rolling = objectWith({ updateStrategy: { type: 'RollingUpdate' } });
  expect(planRestart(actionOf(name), rolling, AT_MS)).toMatchObject({ kind: 'patch' });
});

test('planRestart() leaves a Deployment alone that is paused', () => {
  expect(planRestart(actionOf('Deployment'), objectWith({ paused: true }), AT_MS)).toEqual({
    kind: 'none',
    why: expect.stringContaining('its rollout is paused'),
  });
});

const STOPPABLE = WORKLOAD_KINDS.flatMap(({ name, restart: { action } }) =>
  action.kind === 'stopAndStart' ? [[name, action] as const] : [],
);

test.each(STOPPABLE)('planRestart() of %s never starts what somebody has stopped', (_, action) => {
  const stopped = { ...objectWith(undefined), ...action.stop } as KubernetesObject;
  const { kind: _kind, stop, start } = action;
  expect(planRestart(action, stopped, AT_MS)).toMatchObject({
    ...{ kind: 'none', why: expect.stringContaining('it is stopped already') },
  });
  for (const running of [objectWith({}), { ...objectWith(undefined), ...start } as KubernetesObject])
    expect(planRestart(action, running, AT_MS)).toEqual({ kind: 'stopAndStart', stop, start });
});

test('planRestart() of a notebook counts it as stopped whatever its annotation says', () => {
  const annotations = { 'kubeflow-resource-stopped': '2027-01-31T00:00:00Z' };
  const planned = planRestart(actionOf('Kubeflow Notebook'), objectWith({}, { annotations }), AT_MS);
  expect(planned.kind).toBe('none');
});
