// Namespaces: what makes a workspace and what its pods are stamped with, against a lead of a team who may write
// Namespaces but nothing of Sallyport's.
import type { ApiRequest } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { ADOPT_ANNOTATION, laneAnnotation, STAMP_ANNOTATION } from '../../operator/model/stamp.ts';
import { TIER_LABEL, WORKSPACE_LABEL } from '../../operator/model/workspace.ts';
import {
  type AdmissionScene,
  dryRun,
  namespace,
  PLAIN,
  READY,
  READY_ANNOTATIONS,
  rejection,
  startAdmissionScene,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

let scene: AdmissionScene;

beforeAll(async () => {
  scene = await startAdmissionScene();
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

function post(metadata: Readonly<Record<string, unknown>>): ApiRequest {
  return dryRun({ method: 'POST', path: '/api/v1/namespaces', body: namespace('new', metadata) });
}

function patch(name: string, metadata: Readonly<Record<string, unknown>>): ApiRequest {
  return dryRun({
    method: 'PATCH',
    path: `/api/v1/namespaces/${name}`,
    body: { metadata },
    contentType: 'application/merge-patch+json',
  });
}

function patchStatus(name: string, metadata: Readonly<Record<string, unknown>>): ApiRequest {
  const request = patch(name, metadata);
  return { ...request, path: `${request.path}/status` };
}

const LABEL = 'Cannot change label "sallyport.dev/workspace" or "sallyport.dev/tier"';
const ANNOTATION = 'that begin with "sallyport.dev/": only Sallyport writes them';
const ADOPT = 'Cannot change annotation "sallyport.dev/adopt"';
const allGone = Object.fromEntries(Object.keys(READY_ANNOTATIONS).map((key) => [key, null]));

const ATTEMPTS: readonly (readonly [string, ApiRequest, string])[] = [
  ['a workspace by creation', post({ labels: { [WORKSPACE_LABEL]: '1' } }), LABEL],
  ['a tier by creation', post({ labels: { [TIER_LABEL]: 'STANDARD' } }), LABEL],
  ['annotations by creation', post({ annotations: READY_ANNOTATIONS }), ANNOTATION],
  ['adoption by creation', post({ annotations: { [ADOPT_ANNOTATION]: 'Isolate' } }), ADOPT],
  ['a workspace of a Namespace', patch(PLAIN, { labels: { [WORKSPACE_LABEL]: '1' } }), LABEL],
  ['another id', patch(READY, { labels: { [WORKSPACE_LABEL]: '7' } }), LABEL],
  ['a workspace into none', patch(READY, { labels: { [WORKSPACE_LABEL]: null } }), LABEL],
  ['a lower tier', patch(READY, { labels: { [TIER_LABEL]: 'STANDARD' } }), LABEL],
  ['an open lane', patch(READY, { annotations: { [laneAnnotation('APPS')]: 'full' } }), ANNOTATION],
  ['another revision', patch(READY, { annotations: { [STAMP_ANNOTATION]: 'r8' } }), ANNOTATION],
  ['an annotation that nobody knows', patch(PLAIN, { annotations: { 'sallyport.dev/x': 'y' } }), ANNOTATION],
  ['no annotation', patch(READY, { annotations: allGone }), ANNOTATION],
  ['no stamp', patch(READY, { annotations: { [STAMP_ANNOTATION]: null } }), ANNOTATION],
  ['adoption', patch(READY, { annotations: { [ADOPT_ANNOTATION]: 'Isolate' } }), ADOPT],
  [
    'an open lane through status',
    patchStatus(READY, { annotations: { [laneAnnotation('APPS')]: 'full' } }),
    ANNOTATION,
  ],
  ['no label through status', patchStatus(READY, { labels: { [WORKSPACE_LABEL]: null } }), LABEL],
];

describe('who may write Namespaces', () => {
  it.each(ATTEMPTS)('cannot make %s', async (_, request, sentence) => {
    expect(await rejection(scene.as.lead, request)).toContain(sentence);
  });

  it.each<[string, ApiRequest]>([
    ['create one', post({ labels: { team: 'a' }, annotations: { note: 'b' } })],
    ['label a workspace', patch(READY, { labels: { team: 'a' }, annotations: { note: 'b' } })],
    ['say what is there already', patch(READY, { annotations: READY_ANNOTATIONS })],
    ['delete a workspace', dryRun({ method: 'DELETE', path: `/api/v1/namespaces/${READY}` })],
  ])('can %s', async (_, request) => {
    expect(await rejection(scene.as.lead, request)).toBe('');
  });

  it('cannot change anything by replacing it through finalize', async () => {
    const { kubectl } = scene.controlPlane;
    const kubeconfig = await scene.controlPlane.kubeconfigFor({ user: 'lead' });
    const body = { ...namespace(READY, { labels: {} }), spec: { finalizers: ['kubernetes'] } };
    const path = `/api/v1/namespaces/${READY}/finalize`;
    await kubectl.call(scene.controlPlane, ['replace', '--raw', path, '-f', '-'], {
      stdin: JSON.stringify(body),
      kubeconfig,
    });
    const { metadata } = (await scene.root.request({
      method: 'GET',
      path: `/api/v1/namespaces/${READY}`,
    })) as { readonly metadata: { readonly annotations: unknown; readonly labels: unknown } };
    expect(metadata.annotations).toMatchObject(READY_ANNOTATIONS);
    expect(metadata.labels).toMatchObject({ [WORKSPACE_LABEL]: '101' });
  });

  it('cannot do it with the built-in role admin in the Namespace either', async () => {
    const request = patch(READY, { labels: { [TIER_LABEL]: 'STANDARD' } });
    expect(await rejection(scene.as.admin, request)).toContain('cannot patch resource "namespaces"');
  });
});

describe('who may update the PolicyAssignment', () => {
  it.each<[string, ApiRequest]>([
    ['create a workspace', post({ labels: { [WORKSPACE_LABEL]: '1', [TIER_LABEL]: 'PREMIUM' } })],
    ['make a workspace', patch(PLAIN, { labels: { [WORKSPACE_LABEL]: '1' } })],
    ['say what becomes of its pods', patch(PLAIN, { annotations: { [ADOPT_ANNOTATION]: 'Isolate' } })],
    ['make it none', patch(READY, { labels: { [WORKSPACE_LABEL]: null } })],
  ])('may %s', async (_, request) => {
    expect(await rejection(scene.as['account-admin'], request)).toBe('');
  });

  it.each(['sallyport-system', 'kube-system', 'kube-public', 'kube-node-lease'])(
    'may not make a workspace of Namespace %s',
    async (name) => {
      const request = patch(name, { labels: { [WORKSPACE_LABEL]: '1' } });
      const sentence = `Cannot set label "sallyport.dev/workspace" of Namespace "${name}": what Sallyport and the cluster need`;
      expect(await rejection(scene.as['account-admin'], request)).toContain(sentence);
      const other = patch(name, { labels: { team: 'a' } });
      expect(await rejection(scene.as['account-admin'], other)).toBe('');
    },
  );

  it.each(['isolate', 'Exempt', ''])('may not say %j of its pods, which nobody knows', async (value) => {
    const request = patch(PLAIN, { annotations: { [ADOPT_ANNOTATION]: value } });
    const sentence = `Cannot set annotation "sallyport.dev/adopt" of Namespace "${PLAIN}" to "${value}": write "Isolate", or remove it`;
    expect(await rejection(scene.as['account-admin'], request)).toContain(sentence);
  });

  it.each<[string, ApiRequest]>([
    ['set', patch(READY, { annotations: { [laneAnnotation('APPS')]: 'full' } })],
    ['remove', patch(READY, { annotations: { [STAMP_ANNOTATION]: null } })],
    ['create', post({ annotations: READY_ANNOTATIONS })],
  ])('may not %s what pods are stamped with', async (_, request) => {
    expect(await rejection(scene.as['account-admin'], request)).toContain(ANNOTATION);
  });
});
