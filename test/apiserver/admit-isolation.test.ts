// KubeNetworkPolicies that tenants write in a workspace: they may restrict egress further, and never open it.
import type { ApiRequest } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { LANE_LABEL } from '../../operator/model/stamp.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../operator/model/system-names.ts';
import { WORKSPACE_LABEL } from '../../operator/model/workspace.ts';
import {
  type AdmissionScene,
  create,
  dryRun,
  PLAIN,
  READY,
  rejection,
  startAdmissionScene,
  until,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

const RULES = '/apis/networking.k8s.io/v1/namespaces';
const OWNED = { [MANAGED_BY_LABEL]: MANAGED_BY };

let scene: AdmissionScene;

beforeAll(async () => {
  scene = await startAdmissionScene();
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

interface Rules {
  readonly name?: string;
  readonly home?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

function rulesOf({ name = 'mine', home = READY, labels = {}, spec = {} }: Rules) {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: home, labels },
    spec: { podSelector: {}, ...spec },
  };
}

function post(rules: Rules): ApiRequest {
  const path = `${RULES}/${rules.home ?? READY}/networkpolicies`;
  return dryRun({ method: 'POST', path, body: rulesOf(rules) });
}

function pathOf(name: string): string {
  return `${RULES}/${READY}/networkpolicies/${name}`;
}

function patch(name: string, body: unknown): ApiRequest {
  return dryRun({
    method: 'PATCH',
    path: pathOf(name),
    body,
    contentType: 'application/merge-patch+json',
  });
}

const lanes = (operator: string, ...values: readonly string[]) => ({
  matchExpressions: [{ key: LANE_LABEL, operator, ...(values.length > 0 ? { values } : {}) }],
});
const lane = (value: string) => ({ matchLabels: { [LANE_LABEL]: value } });
const to = (...peers: readonly object[]) => ({ policyTypes: ['Egress'], egress: [{ to: peers }] });
const toPods = (podSelector: object) => to({ podSelector });
const anywhere = { ipBlock: { cidr: '0.0.0.0/0' } };
const OPEN = ['full', 'dry-run', 'sealed-dry-run'];

const BROADER: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ['a rule without peers', { egress: [{}] }],
  ['a rule with no peer', { egress: [{ to: [] }] }],
  ['ports of everything', { egress: [{ ports: [{ port: 443 }] }] }],
  ['addresses', to(anywhere)],
  ['addresses of IPv6', to({ ipBlock: { cidr: '::/0' } })],
  ['all Namespaces', to({ namespaceSelector: {} })],
  ['one Namespace', to({ namespaceSelector: { matchLabels: { a: 'b' } } })],
  ['pods of another Namespace', to({ namespaceSelector: {}, podSelector: lane('sealed') })],
  ['addresses behind a good peer', to({ podSelector: lane('sealed') }, anywhere)],
  [
    'addresses behind a good rule',
    { egress: [{ to: [{ podSelector: lane('sealed') }] }, { to: [anywhere] }] },
  ],
  ['egress that policyTypes leaves out', { policyTypes: ['Ingress'], egress: [{}] }],
  ['all pods, of which one may be open', toPods({})],
  ['pods by a label of their own', toPods({ matchLabels: { app: 'relay' } })],
  ['pods in lane full', toPods(lane('full'))],
  ['pods in open lanes', toPods(lanes('In', 'sealed', 'dry-run'))],
  ['pods in any lane', toPods(lanes('Exists'))],
  ['pods in all lanes but one', toPods(lanes('NotIn', 'full'))],
  ['pods in lane enforced, for pods that may be sealed', toPods(lane('enforced'))],
  ['cloud metadata, for pods in dry-run', { podSelector: lane('dry-run'), ...to(anywhere) }],
  [
    'cloud metadata of IPv6, for them',
    { podSelector: lane('dry-run'), ...to({ ipBlock: { cidr: 'fd00::/8' } }) },
  ],
  ['everything, for them', { podSelector: lane('sealed-dry-run'), egress: [{}] }],
  ['cloud metadata, for pods in open lanes', { podSelector: lanes('In', ...OPEN), ...to(anywhere) }],
  [
    'one metadata service of two',
    {
      podSelector: lane('dry-run'),
      ...to({ ipBlock: { cidr: '169.254.0.0/16', except: ['169.254.169.254/32'] } }),
    },
  ],
  ['addresses, for pods in a strict lane', { podSelector: lane('enforced'), ...to(anywhere) }],
  [
    'addresses, for pods in lanes of which one is strict',
    { podSelector: lanes('In', 'full', 'enforced'), ...to(anywhere) },
  ],
  ['addresses, for pods in a lane that is none', { podSelector: lane('mine'), ...to(anywhere) }],
  [
    'addresses, for pods without a lane',
    { podSelector: lanes('NotIn', 'enforced', 'sealed'), ...to(anywhere) },
  ],
];

const HARMLESS: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ['only ingress', { policyTypes: ['Ingress'], ingress: [{}] }],
  ['shut egress', { policyTypes: ['Egress'] }],
  ['pods in the strictest lane', toPods(lane('sealed'))],
  ['pods in no lane that is less strict', toPods(lanes('NotIn', ...OPEN, 'enforced'))],
  [
    'strict pods, for pods in lane enforced',
    { podSelector: lane('enforced'), ...toPods(lanes('NotIn', ...OPEN)) },
  ],
  [
    'strict pods by name, for pods in lane enforced',
    { podSelector: lanes('In', 'enforced'), ...toPods(lanes('In', 'enforced', 'sealed')) },
  ],
  [
    'pods everywhere, for pods in open lanes',
    { podSelector: lanes('In', ...OPEN), ...to({ namespaceSelector: {} }) },
  ],
  [
    'addresses without cloud metadata, for pods in dry-run',
    {
      podSelector: lane('dry-run'),
      ...to({ ipBlock: { cidr: '169.254.0.0/16', except: ['169.254.0.0/17', '169.254.128.0/17'] } }),
    },
  ],
  [
    'other addresses, for pods in dry-run',
    { podSelector: lane('dry-run'), ...to({ ipBlock: { cidr: '203.0.113.0/24' } }) },
  ],
  ['everything, for pods in lane full', { podSelector: lane('full'), egress: [{}] }],
];

describe.each(['edit', 'admin'] as const)('the built-in role %s', (person) => {
  it.each(BROADER)('may not allow %s', async (_, spec) => {
    expect(await rejection(scene.as[person], post({ spec }))).toContain(
      'Cannot open egress with networkpolicies.networking.k8s.io "mine"',
    );
  });

  it.each(HARMLESS)('may write %s', async (_, spec) => {
    expect(await rejection(scene.as[person], post({ spec }))).toBe('');
  });

  it('may allow anything outside of workspaces', async () => {
    expect(await rejection(scene.as[person], post({ home: PLAIN, spec: { egress: [{}] } }))).toBe('');
  });
});

describe('egress in a workspace', () => {
  it('is opened by who may update networkpolicies.sallyport.dev', async () => {
    expect(await rejection(scene.as['account-admin'], post({ spec: to(anywhere) }))).toBe('');
  });

  it('cannot be opened by changing what was harmless', async () => {
    await create(scene.as.edit, rulesOf({ name: 'shut', spec: { policyTypes: ['Egress'] } }));
    expect(await rejection(scene.as.edit, patch('shut', { spec: to(anywhere) }))).toContain(
      'Cannot open egress',
    );
  });

  it('that is open already can be labelled and deleted', async () => {
    await create(scene.as['account-admin'], rulesOf({ name: 'open', spec: to(anywhere) }));
    const labelled = patch('open', { metadata: { labels: { a: 'b' } } });
    expect(await rejection(scene.as.edit, labelled)).toBe('');
    const broaderPolicies = patch('open', { spec: { podSelector: { matchLabels: { a: 'c' } } } });
    expect(await rejection(scene.as.edit, broaderPolicies)).toContain('Cannot open egress');
    expect(await rejection(scene.as.edit, dryRun({ method: 'DELETE', path: pathOf('open') }))).toBe('');
  });
});

describe('isolation, which Sallyport owns', () => {
  const sentence = 'Sallyport owns what carries label "app.kubernetes.io/managed-by=sallyport"';

  beforeAll(async () => {
    await create(scene.operator, rulesOf({ name: 'isolation', labels: OWNED, spec: to(anywhere) }));
    await create(scene.as.edit, rulesOf({ name: 'theirs' }));
  });

  it.each([
    ['changed', () => patch('isolation', { spec: { egress: [] } })],
    ['deleted', () => dryRun({ method: 'DELETE', path: pathOf('isolation') })],
    ['deleted with all others', () => dryRun({ method: 'DELETE', path: pathOf('').replace(/\/$/, '') })],
    ['disowned', () => patch('isolation', { metadata: { labels: { [MANAGED_BY_LABEL]: null } } })],
    ['imitated', () => post({ labels: OWNED })],
    ['made of something else', () => patch('theirs', { metadata: { labels: OWNED } })],
  ])('cannot be %s', async (_, request) => {
    expect(await rejection(scene.as.admin, request())).toContain(sentence);
  });

  it('goes with its Namespace', async () => {
    const home = 'passing';
    const labels = { [WORKSPACE_LABEL]: '103' };
    await create(scene.root, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: home, labels } });
    await create(scene.operator, rulesOf({ name: 'isolation', home, labels: OWNED }));
    const path = `/api/v1/namespaces/${home}`;
    await scene.root.request({ method: 'DELETE', path });
    await until('the Namespace to be gone', async () => {
      const answer = await rejection(scene.root, { method: 'GET', path });
      return answer.includes('not found') ? '' : `it is there ${answer}`;
    });
  });
});
