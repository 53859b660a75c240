// Pods that start in a workspace: what they are given, and which may not start, under a tenant's own rights.
import { PRODUCT_DETECTION } from '../../operator/model/product-detection.ts';
import {
  LANE_LABEL,
  PRODUCT_LABEL,
  STAMP_LABEL,
  UNKNOWN_PRODUCT_ANNOTATION,
} from '../../operator/model/stamp.ts';
import {
  type AdmissionScene,
  addressOf,
  createPod,
  GRANTED,
  NEW,
  NO_PROXY,
  PLAIN,
  type PodParts,
  podOf,
  proxyOf,
  READY,
  REVISION,
  rejection,
  startAdmissionScene,
  until,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly dnsPolicy: string;
    readonly dnsConfig?: {
      readonly nameservers?: readonly string[];
      readonly searches?: readonly string[];
      readonly options?: readonly { readonly name: string; readonly value?: string }[];
    };
  };
}

interface Container {
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

let scene: AdmissionScene;

beforeAll(async () => {
  scene = await startAdmissionScene();
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

async function started(parts: PodParts, home = READY): Promise<Pod> {
  return (await scene.as.edit.request(createPod(home, parts))) as Pod;
}

function stampOf({ metadata: { labels } }: Pod) {
  return [labels[PRODUCT_LABEL], labels[LANE_LABEL], labels[STAMP_LABEL]];
}

function environmentOf(container: Container | undefined) {
  return Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));
}

const SEARCHES = [`${READY}.svc.cluster.local`, 'svc.cluster.local', 'cluster.local'];
const ENFORCED_ENVIRONMENT = {
  HTTP_PROXY: proxyOf('enforced'),
  HTTPS_PROXY: proxyOf('enforced'),
  http_proxy: proxyOf('enforced'),
  https_proxy: proxyOf('enforced'),
  NO_PROXY,
  no_proxy: NO_PROXY,
  NODE_USE_ENV_PROXY: '1',
};

describe('product', () => {
  const marks = PRODUCT_DETECTION.flatMap(([product, all]) =>
    all.map(({ label, value = 'anything' }) => [product, label, value] as const),
  );

  it.each(marks)('%s is detected by label %s=%s', async (product, label, value) => {
    const pod = await started({ labels: { [label]: value } });
    expect(pod.metadata.labels[PRODUCT_LABEL]).toBe(product);
  });

  it.each([
    ['nothing', {}, 'GENERAL'],
    ['a label that names a product', { [PRODUCT_LABEL]: 'APPS', 'spark-role': 'driver' }, 'APPS'],
    ['a label that names none', { [PRODUCT_LABEL]: 'ROCKETS', 'spark-role': 'driver' }, 'GENERAL'],
    ['an empty label', { [PRODUCT_LABEL]: '' }, 'GENERAL'],
    ['another value than the detected one', { 'app.kubernetes.io/name': 'postgres' }, 'GENERAL'],
    ['marks of two products', { 'batch.kubernetes.io/job-name': 'x', 'spark-role': 'driver' }, 'PIPELINES'],
  ])('with %s: %p is %s', async (_, labels, product) => {
    const pod = await started({ labels });
    expect(pod.metadata.labels[PRODUCT_LABEL]).toBe(product);
  });

  it.each([
    ['ROCKETS', 'ROCKETS'],
    ['dbsql', 'dbsql'],
    ['DBSQL', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j is retained as %j, beside what the author wrote', async (asked, retained) => {
    const labels = asked === undefined ? {} : { [PRODUCT_LABEL]: asked };
    const { metadata } = await started({ labels, annotations: { note: 'kept' } });
    expect(metadata.annotations?.[UNKNOWN_PRODUCT_ANNOTATION]).toBe(retained);
    expect(metadata.annotations?.['note']).toBe('kept');
  });
});

describe('lane', () => {
  it.each([
    ['GENERAL', 'default', 'enforced'],
    ['NOTEBOOKS', 'default', 'enforced'],
    ['DBSQL', 'default', 'enforced'],
    ['DBSQL', GRANTED, 'dry-run'],
    ['ML_BUILD', 'default', 'enforced'],
    ['ML_BUILD', GRANTED, 'full'],
    ['PROVISIONED_THROUGHPUT', 'default', 'sealed'],
  ])('of %s under ServiceAccount %s is %s', async (product, serviceAccountName, lane) => {
    const pod = await started({ labels: { [PRODUCT_LABEL]: product }, spec: { serviceAccountName } });
    expect(stampOf(pod)).toEqual([product, lane, REVISION]);
  });

  it('of a detected product must be granted too', async () => {
    const labels = { 'app.kubernetes.io/name': 'trino' };
    const lanes = await Promise.all(
      ['default', GRANTED].map((serviceAccountName) => started({ labels, spec: { serviceAccountName } })),
    );
    expect(lanes.map((pod) => pod.metadata.labels[LANE_LABEL])).toEqual(['enforced', 'dry-run']);
  });

  it('is not what the pod says it is', async () => {
    const labels = { [LANE_LABEL]: 'full', [STAMP_LABEL]: 'mine' };
    expect(stampOf(await started({ labels }))).toEqual(['GENERAL', 'enforced', REVISION]);
  });
});

describe('proxy variables', () => {
  it('stand in every container, and nothing that the author said about proxies does', async () => {
    const env = [
      { name: 'MODE', value: 'fast' },
      { name: 'HTTPS_PROXY', value: 'http://evil.example:1' },
      { name: 'no_proxy', value: '*' },
      { name: 'ALL_PROXY', value: 'socks5://evil.example' },
      { name: 'http_proxy', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ];
    const container = (name: string) => ({ name, image: 'none.invalid/app', env });
    const pod = await started({
      spec: {
        containers: [container('a'), { name: 'b', image: 'none.invalid/app' }],
        initContainers: [container('c'), { ...container('sidecar'), restartPolicy: 'Always' }],
      },
    });
    const withMode = { ...ENFORCED_ENVIRONMENT, MODE: 'fast' };
    expect(pod.spec.containers.map(environmentOf)).toEqual([withMode, ENFORCED_ENVIRONMENT]);
    expect(pod.spec.initContainers?.map(environmentOf)).toEqual([withMode, withMode]);
    expect(pod.spec.containers[0]?.env?.[0]).toEqual({ name: 'MODE', value: 'fast' });
  });

  it('name the lane that was granted', async () => {
    const pod = await started({
      labels: { [PRODUCT_LABEL]: 'DBSQL' },
      spec: { serviceAccountName: GRANTED },
    });
    expect(environmentOf(pod.spec.containers[0])['https_proxy']).toBe(proxyOf('dry-run'));
  });
});

describe('DNS', () => {
  it("is the lane's own, with the cluster's searches before those of the pod", async () => {
    const options = [{ name: 'timeout', value: '1' }, { name: 'rotate' }];
    const dnsConfig = { nameservers: ['8.8.8.8'], searches: ['corp.example', 'cluster.local'], options };
    const { spec } = await started({ spec: { dnsPolicy: 'Default', dnsConfig } });
    expect([spec.dnsPolicy, spec.dnsConfig]).toEqual([
      'None',
      {
        nameservers: [addressOf('enforced')],
        searches: [...SEARCHES, 'corp.example'],
        options: [...options, { name: 'ndots', value: '5' }],
      },
    ]);
  });

  it("keeps the pod's own ndots, and 32 searches at most", async () => {
    const own = Array.from({ length: 32 }, (_, index) => `s${index}.example`);
    const options = [{ name: 'ndots', value: '1' }];
    const { spec } = await started({ spec: { dnsConfig: { searches: own, options } } });
    expect(spec.dnsConfig?.options).toEqual(options);
    expect(spec.dnsConfig?.searches).toEqual([...SEARCHES, ...own.slice(0, 29)]);
  });

  it("lists the cluster's second in dry-run", async () => {
    const labels = { [PRODUCT_LABEL]: 'DBSQL' };
    const { spec } = await started({ labels, spec: { serviceAccountName: GRANTED } });
    expect(spec.dnsConfig?.nameservers).toEqual([addressOf('dry-run'), '10.96.0.10']);
  });
});

describe('lane full', () => {
  const parts: PodParts = {
    labels: { [PRODUCT_LABEL]: 'ML_BUILD' },
    spec: {
      serviceAccountName: GRANTED,
      hostNetwork: true,
      containers: [{ name: 'a', image: 'none.invalid/app', env: [{ name: 'HTTP_PROXY', value: 'mine' }] }],
    },
  };

  it('leaves variables, DNS and hostNetwork to the pod', async () => {
    const pod = await started(parts);
    expect(stampOf(pod)).toEqual(['ML_BUILD', 'full', REVISION]);
    expect(environmentOf(pod.spec.containers[0])).toEqual({ HTTP_PROXY: 'mine' });
    expect(pod.spec.dnsPolicy).toBe('ClusterFirst');
  });
});

describe('refused', () => {
  it('everything where isolation is still being created', async () => {
    const sentence = await rejection(scene.as.edit, createPod(NEW, {}));
    expect(sentence).toContain(
      `Cannot start a pod in workspace "${NEW}" yet: its egress isolation is still being created. Controllers retry by themselves`,
    );
  });

  it.each([
    ['hostNetwork', { hostNetwork: true }],
    [
      'hostNetwork of a product that is not granted',
      { hostNetwork: true, serviceAccountName: 'default', nodeName: 'node-1' },
    ],
  ])('%s', async (_, spec) => {
    const labels = { [PRODUCT_LABEL]: 'ML_BUILD' };
    expect(await rejection(scene.as.edit, createPod(READY, { labels, spec }))).toContain(
      `Cannot start a pod with hostNetwork in workspace "${READY}"`,
    );
  });

  it.each([LANE_LABEL])('label %s outside of workspaces', async (label) => {
    expect(await rejection(scene.as.edit, createPod(PLAIN, { labels: { [label]: 'full' } }))).toContain(
      `Cannot start a pod with label "${label}" in Namespace "${PLAIN}"`,
    );
  });

  it('nothing else outside of workspaces, and nothing is stamped there', async () => {
    const pod = await started({ spec: { hostNetwork: true } }, PLAIN);
    expect(pod.metadata.labels).toBeUndefined();
    expect(pod.spec.containers[0]?.env).toBeUndefined();
  });
});

describe('pods that come by other ways', () => {
  it('are stamped when they name their node', async () => {
    expect(stampOf(await started({ spec: { nodeName: 'node-1' } }))).toEqual([
      'GENERAL',
      'enforced',
      REVISION,
    ]);
  });

  it.each([
    ['Deployment', 'apps/v1', 'deployments', 'GENERAL'],
    ['Job', 'batch/v1', 'jobs', 'JOBS'],
  ])('are stamped when a %s makes them', async (kind, apiVersion, plural, product) => {
    const name = `by-${kind.toLowerCase()}`;
    const { spec } = podOf(READY, {});
    const labels = { app: name };
    const workload = {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { ...spec, restartPolicy: kind === 'Job' ? 'Never' : 'Always' },
      },
      ...(kind === 'Job' ? { selector: undefined } : {}),
    };
    await scene.as.edit.request({
      method: 'POST',
      path: `/apis/${apiVersion}/namespaces/${READY}/${plural}`,
      body: { metadata: { name }, spec: workload },
    });
    let pods: readonly Pod[] = [];
    await until(`pods of ${name}`, async () => {
      const query = { labelSelector: `app=${name}` };
      const path = `/api/v1/namespaces/${READY}/pods`;
      const list = await scene.as.edit.request({ method: 'GET', path, query });
      pods = (list as { readonly items: readonly Pod[] }).items;
      return pods.length > 0 ? '' : 'none';
    });
    expect(pods.map(stampOf)).toEqual([[product, 'enforced', REVISION]]);
    expect(environmentOf(pods[0]?.spec.containers[0])).toEqual(ENFORCED_ENVIRONMENT);
  });
});

describe('without the policy that stamps', () => {
  const BINDINGS = '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings';

  beforeAll(async () => {
    await scene.root.request({ method: 'DELETE', path: `${BINDINGS}/sallyport-stamp` });
    await until('the policy to be gone', async () => {
      const sentence = await rejection(scene.as.edit, createPod(READY, {}));
      return sentence === '' ? 'a pod is stamped' : '';
    });
  });

  const stamped = {
    [PRODUCT_LABEL]: 'GENERAL',
    [LANE_LABEL]: 'enforced',
    [STAMP_LABEL]: REVISION,
  };
  const env = Object.entries(ENFORCED_ENVIRONMENT).map(([name, value]) => ({ name, value }));
  const spec = {
    containers: [{ name: 'main', image: 'none.invalid/app', env }],
    dnsPolicy: 'None',
    dnsConfig: {
      nameservers: [addressOf('enforced')],
      searches: SEARCHES,
      options: [{ name: 'ndots', value: '5' }],
    },
  };

  it('only a pod that carries the whole stamp by itself starts', async () => {
    expect(await rejection(scene.as.edit, createPod(READY, { labels: stamped, spec }))).toBe('');
  });

  it.each<[string, PodParts, string]>([
    ['no stamp', { spec }, 'without its stamp'],
    ['another lane', { labels: { ...stamped, [LANE_LABEL]: 'full' }, spec }, 'without its stamp'],
    ['another revision', { labels: { ...stamped, [STAMP_LABEL]: 'r6' }, spec }, 'without its stamp'],
    ['no such product', { labels: { ...stamped, [PRODUCT_LABEL]: 'ROCKETS' }, spec }, 'without its stamp'],
    [
      'a product that was not granted',
      { labels: { ...stamped, [PRODUCT_LABEL]: 'DBSQL', [LANE_LABEL]: 'dry-run' }, spec },
      'without its stamp',
    ],
    [
      'an init container without the variables',
      { labels: stamped, spec: { ...spec, initContainers: [{ name: 'i', image: 'none.invalid/app' }] } },
      'proxy variables of its own',
    ],
    [
      'another proxy',
      {
        labels: stamped,
        spec: {
          ...spec,
          containers: [
            {
              ...spec.containers[0],
              env: env.map((variable) =>
                variable.name === 'https_proxy' ? { name: 'https_proxy', value: 'x' } : variable,
              ),
            },
          ],
        },
      },
      'proxy variables of its own',
    ],
    ['the DNS of the cluster', { labels: stamped, spec: { containers: spec.containers } }, 'name servers'],
    [
      'a name server of its own',
      {
        labels: stamped,
        spec: { ...spec, dnsConfig: { ...spec.dnsConfig, nameservers: [addressOf('enforced'), '8.8.8.8'] } },
      },
      'name servers',
    ],
  ])('a pod with %s does not start', async (_, parts, sentence) => {
    expect(await rejection(scene.as.edit, createPod(READY, parts))).toContain(sentence);
  });
});
