// Stamps of running pods: nobody moves a pod to another lane, by whichever subresource; debug containers go the pod's
// way.
import type { ApiRequest } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { LANE_LABEL, POD_ANNOTATIONS, PRODUCT_LABEL, STAMP_LABEL } from '../../operator/model/stamp.ts';
import {
  type AdmissionScene,
  create,
  dryRun,
  GRANTED,
  PLAIN,
  podOf,
  proxyOf,
  READY,
  REVISION,
  rejection,
  startAdmissionScene,
  until,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

const PODS = `/api/v1/namespaces/${READY}/pods`;

let scene: AdmissionScene;

beforeAll(async () => {
  scene = await startAdmissionScene();
  const { edit } = scene.as;
  await create(edit, podOf(READY, { name: 'web' }));
  const labels = { [PRODUCT_LABEL]: 'ML_BUILD' };
  await create(edit, podOf(READY, { name: 'build', labels, spec: { serviceAccountName: GRANTED } }));
  await create(edit, podOf(PLAIN, { name: 'old', labels: { [PRODUCT_LABEL]: 'APPS' } }));
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

function patch(path: string, body: unknown): ApiRequest {
  return dryRun({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
}

const CHANGES: readonly (readonly [string, Readonly<Record<string, string | null>>])[] = [
  ['another lane', { [LANE_LABEL]: 'full' }],
  ['no lane', { [LANE_LABEL]: null }],
  ['another product', { [PRODUCT_LABEL]: 'DBSQL' }],
  ['no product', { [PRODUCT_LABEL]: null }],
  ['another revision', { [STAMP_LABEL]: 'r8' }],
];
const CHANGED_THROUGH = ['', '/status'];
/** The server takes nothing of the metadata from these. */
const UNCHANGED_THROUGH = ['/resize', '/ephemeralcontainers'];

function changesThrough(paths: readonly string[]) {
  return CHANGES.flatMap(([what, labels]) =>
    paths.map((path) => [what, `pods${path}`, path, labels] as const),
  );
}

describe('labels of a running pod', () => {
  it.each(changesThrough(CHANGED_THROUGH))('reject %s through %s', async (_, __, path, labels) => {
    const request = patch(`${PODS}/web${path}`, { metadata: { labels } });
    const sentence = await rejection(scene.as.lead, request);
    expect(sentence).toContain('of pod "web": they are set when a pod starts, so start it again');
  });

  it.each(changesThrough(UNCHANGED_THROUGH))('are not given %s through %s', async (_, __, path, labels) => {
    const { metadata } = (await scene.as.lead.request(
      patch(`${PODS}/web${path}`, { metadata: { labels } }),
    )) as { readonly metadata: { readonly labels: unknown } };
    expect(metadata.labels).toEqual({
      [PRODUCT_LABEL]: 'GENERAL',
      [LANE_LABEL]: 'enforced',
      [STAMP_LABEL]: REVISION,
    });
  });

  it.each(CHANGED_THROUGH)(
    'stay without annotations that only the operator writes, through pods%s',
    async (path) => {
      for (const key of POD_ANNOTATIONS) {
        const request = patch(`${PODS}/web${path}`, { metadata: { annotations: { [key]: 'x' } } });
        expect(await rejection(scene.as.lead, request)).toContain(
          'of pod "web": they are set when a pod starts, so start it again',
        );
      }
    },
  );

  it("are no pod's that says of itself that it was moved or exempted", async () => {
    for (const key of POD_ANNOTATIONS) {
      const { metadata, ...pod } = podOf(READY, { name: 'moved' });
      const body = { ...pod, metadata: { ...metadata, annotations: { [key]: 'x' } } };
      const request = dryRun({ method: 'POST', path: PODS, body });
      expect(await rejection(scene.as.edit, request)).toContain(
        'only Sallyport sets these, so leave them out',
      );
    }
  });

  it.each(CHANGED_THROUGH)('leave all other labels to everyone, through pods%s', async (path) => {
    const request = patch(`${PODS}/web${path}`, { metadata: { labels: { mine: 'yes' } } });
    expect(await rejection(scene.as.lead, request)).toBe('');
  });

  it('cannot be given to a pod outside of workspaces', async () => {
    const request = patch(`/api/v1/namespaces/${PLAIN}/pods/old`, {
      metadata: { labels: { [LANE_LABEL]: 'full' } },
    });
    expect(await rejection(scene.as.lead, request)).toContain('they are set when a pod starts');
  });
});

describe('a Binding', () => {
  const bindings = [
    ['pods/binding', `${PODS}/web/binding`],
    ['bindings', `/api/v1/namespaces/${READY}/bindings`],
  ] as const;
  const bind = (
    path: string,
    labels: Readonly<Record<string, string>>,
    annotations: Readonly<Record<string, string>> = {},
  ): ApiRequest =>
    dryRun({
      method: 'POST',
      path,
      body: {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: 'web', namespace: READY, labels, annotations },
        target: { kind: 'Node', name: 'node-1' },
      },
    });

  it.each(bindings)('may not bring a stamp along, through %s', async (_, path) => {
    expect(await rejection(scene.as.lead, bind(path, { [LANE_LABEL]: 'full' }))).toContain(
      'Cannot set labels of Sallyport by a Binding',
    );
  });

  it.each(bindings)('may not say that a pod was moved or exempted, through %s', async (_, path) => {
    for (const key of POD_ANNOTATIONS) {
      expect(await rejection(scene.as.lead, bind(path, {}, { [key]: 'x' }))).toContain(
        'Cannot set labels of Sallyport by a Binding',
      );
    }
  });

  it.each(bindings)('binds a pod as ever, through %s', async (_, path) => {
    expect(await rejection(scene.as.lead, bind(path, {}))).toBe('');
  });
});

describe('a debug container', () => {
  const debug = (pod: string, env: readonly object[]): ApiRequest =>
    patch(`${PODS}/${pod}/ephemeralcontainers`, {
      spec: { ephemeralContainers: [{ name: 'debug', image: 'none.invalid/shell', env }] },
    });
  const own = [
    { name: 'HTTPS_PROXY', value: 'http://evil.example:1' },
    { name: 'MODE', value: 'fast' },
  ];

  async function environment(request: ApiRequest): Promise<Readonly<Record<string, string>>> {
    const pod = (await scene.as.lead.request(request)) as {
      readonly spec: {
        readonly ephemeralContainers: readonly [
          { readonly env?: readonly { readonly name: string; readonly value: string }[] },
        ];
      };
    };
    const [container] = pod.spec.ephemeralContainers;
    return Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, value]));
  }

  it('gets the proxy variables of its pod', async () => {
    expect(await environment(debug('web', own))).toMatchObject({
      HTTPS_PROXY: proxyOf('enforced'),
      http_proxy: proxyOf('enforced'),
      NODE_USE_ENV_PROXY: '1',
      MODE: 'fast',
    });
  });

  it('keeps its own in a pod in lane full', async () => {
    expect(await environment(debug('build', own))).toEqual({
      HTTPS_PROXY: 'http://evil.example:1',
      MODE: 'fast',
    });
  });

  it('joins beside one that is there already', async () => {
    const path = `${PODS}/web/ephemeralcontainers`;
    const containers = (names: readonly string[]) => ({
      spec: { ephemeralContainers: names.map((name) => ({ name, image: 'none.invalid/shell' })) },
    });
    const { query: _, ...first } = patch(path, containers(['one']));
    await scene.as.lead.request(first);
    const stored = (await scene.as.lead.request({ method: 'GET', path: `${PODS}/web` })) as {
      readonly spec: { readonly ephemeralContainers: readonly object[] };
    };
    const two = [...stored.spec.ephemeralContainers, ...containers(['two']).spec.ephemeralContainers];
    expect(await environment(patch(path, { spec: { ephemeralContainers: two.toReversed() } }))).toMatchObject(
      {
        HTTPS_PROXY: proxyOf('enforced'),
      },
    );
  });
});

describe('without the policy that writes into debug containers', () => {
  it('a debug container joins only with the variables of its pod', async () => {
    const path = '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings/sallyport-debug';
    await scene.root.request({ method: 'DELETE', path });
    await create(scene.as.edit, podOf(READY, { name: 'other' }));
    const late = { name: 'late', image: 'none.invalid/shell' };
    const request = patch(`${PODS}/other/ephemeralcontainers`, { spec: { ephemeralContainers: [late] } });
    await until('the policy to be gone', async () => {
      const sentence = await rejection(scene.as.lead, request);
      return sentence === '' ? 'the container got its variables' : '';
    });
    expect(await rejection(scene.as.lead, request)).toContain(
      'Cannot add a debug container with proxy variables of its own to pod "other"',
    );
  });
});
