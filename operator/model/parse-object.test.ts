import fc from 'fast-check';
import {
  type Manifest,
  manifest,
  policyManifest,
  workspaceManifest,
} from '../../test/fixtures/object-fixture.ts';
import { parseObject } from './parse-object.ts';
import { formatProblem, type Problem } from './problem.ts';
import { formatKey } from './snapshot.ts';

/** [reason, field, message] of each Problem. */
function problemsOf(value: unknown): readonly (readonly unknown[])[] {
  const parsed = parseObject(value);
  const problems: readonly Problem[] = parsed.status === 'unreadable' ? parsed.problems : [];
  return problems.map(({ reason, field, message }) => [reason, field, message]);
}

function internet(...destinations: readonly unknown[]): Manifest {
  return policyManifest('acme', { allowedInternetDestinations: destinations });
}

function named(count: number, start = 0): readonly { readonly destination: string }[] {
  return Array.from({ length: count }, (_, at) => ({ destination: `host-${start + at}.example.com` }));
}

function accessList(spec: Readonly<Record<string, unknown>>): Manifest {
  return manifest(
    'IpAccessList',
    'office',
    { label: 'office', listType: 'ALLOW', ipAddresses: [], ...spec },
    'team-a',
  );
}

const FIRST = 'spec.egress.networkAccess.allowedInternetDestinations[0]';
const NAME_PATTERN = '/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/';

describe('parseObject() rejects', () => {
  it.each<[string, unknown, string, string | undefined, string]>([
    [
      'an unknown field beside spec',
      { ...policyManifest('acme'), sepc: {} },
      'UnknownField',
      undefined,
      'Cannot accept unknown field "sepc": remove it or correct its spelling (Did you mean spec?)',
    ],
    [
      'a policy without spec',
      manifest('NetworkPolicy', 'acme'),
      'InvalidValue',
      'spec',
      'Cannot leave this field out: a value of type object is needed',
    ],
    [
      'a policy with a name that no assignment could name',
      policyManifest('a'.repeat(33)),
      'InvalidValue',
      'metadata.name',
      `Cannot accept name "${'a'.repeat(33)}": the name of a NetworkPolicy has at most 32 characters`,
    ],
    [
      'a WorkspaceConf under another name',
      manifest('WorkspaceConf', 'mine', {}, 'team-a'),
      'InvalidValue',
      'metadata.name',
      'Cannot accept name "mine": a WorkspaceConf is named "workspace", there is one per workspace',
    ],
    ...['localhost', '10.1', '127.0.0.1/32', '::ffff:127.0.0.1', ''].map(
      (address): [string, Manifest, string, string, string] => [
        `a backend at "${address}"`,
        manifest('WorkspaceConf', 'workspace', { ingress: { backends: [{ address, port: 1 }] } }, 'team-a'),
        'InvalidValue',
        'spec.ingress.backends[0].address',
        `Cannot use "${address}": write an address such as 127.0.0.1`,
      ],
    ),
    ...[
      ['10.0.0.1', 'name a domain; addresses are not accepted as hosts'],
      ['a.example:8443', 'write only the domain name, without a port, for example "example.com"'],
      ['*.example.com', 'write each name, without "*"'],
    ].map(([host, fix]): [string, Manifest, string, string, string] => [
      `the host "${host}"`,
      manifest('WorkspaceConf', 'workspace', { ingress: { hosts: [host] } }, 'team-a'),
      'InvalidValue',
      'spec.ingress.hosts[0]',
      `Cannot accept host "${host}": ${fix}`,
    ]),
    [
      'a namespaced kind without a namespace',
      manifest('IpAccessList', 'office', { label: 'office', listType: 'ALLOW', ipAddresses: [] }),
      'InvalidValue',
      'metadata',
      'Cannot find "metadata.namespace": name the Namespace that is the workspace',
    ],
    [
      'an object without metadata.name',
      { ...policyManifest('acme'), metadata: {} },
      'InvalidValue',
      'metadata.name',
      'Cannot leave this field out: a value of type string is needed',
    ],
    [
      'an object without metadata',
      { ...policyManifest('acme'), metadata: undefined },
      'InvalidValue',
      'metadata',
      'Cannot leave this field out: a value of type object is needed',
    ],
    [
      'a name in upper case',
      policyManifest('Acme'),
      'InvalidValue',
      'metadata.name',
      `Cannot accept "Acme": it must match ${NAME_PATTERN}`,
    ],
    [
      'a label that is a number',
      { ...policyManifest('acme'), metadata: { name: 'acme', labels: { tier: 1 } } },
      'InvalidValue',
      'metadata.labels.tier',
      'Cannot accept 1: a value of type string is needed, write "1" in quotes',
    ],
    [
      'a document without kind',
      { apiVersion: 'sallyport.dev/v1alpha1', metadata: { name: 'acme' } },
      'InvalidValue',
      'kind',
      'Cannot leave this field out: a value of type string is needed',
    ],
    [
      'a document that is a list',
      [],
      'InvalidValue',
      undefined,
      'Cannot accept a list: a value of type object is needed',
    ],
    [
      'a workspace id with a space',
      workspaceManifest('team-a', { 'sallyport.dev/workspace': 'team a' }),
      'InvalidValue',
      'metadata.labels.sallyport.dev/workspace',
      'Cannot accept workspace id "team a": use 1 to 63 letters, digits, ".", "_" and "-"',
    ],
  ])('%s', (_, value, ...problem) => {
    expect(problemsOf(value)).toEqual([problem]);
  });

  it.each(['NetworkPolicies', 'EgressTable', 'constructor', '__proto__', 'toString'])(
    'the kind %s, which people do not write',
    (kind) => {
      const message = `Cannot read kind "${kind}" of "sallyport.dev/v1alpha1": the kinds are NetworkPolicy, PolicyAssignment, Metastore, PrivateEndpoint, WorkspaceConf, IpAccessList in "sallyport.dev/v1alpha1"`;
      expect(problemsOf(manifest(kind, 'acme', {}))).toEqual([['UnknownKind', undefined, message]]);
    },
  );

  it('another version of our group', () => {
    const value = { ...policyManifest('acme'), apiVersion: 'sallyport.dev/v1' };
    const message =
      'Cannot read kind "NetworkPolicy" of "sallyport.dev/v1": the kinds are NetworkPolicy, PolicyAssignment, Metastore, PrivateEndpoint, WorkspaceConf, IpAccessList in "sallyport.dev/v1alpha1"';
    expect(problemsOf(value)).toEqual([['UnknownKind', undefined, message]]);
  });

  it('every fault at once, each with the key of the object', () => {
    const parsed = parseObject(internet({ destination: '*' }, { destination: 'example.com', prots: [] }));
    expect(parsed).toMatchObject({
      status: 'unreadable',
      key: { kind: 'NetworkPolicy', name: 'acme', namespace: '' },
      problems: [
        {
          object: 'NetworkPolicy/acme',
          path: ['spec', 'egress', 'networkAccess', 'allowedInternetDestinations', 0, 'destination'],
        },
        {
          object: 'NetworkPolicy/acme',
          path: ['spec', 'egress', 'networkAccess', 'allowedInternetDestinations', 1, 'prots'],
        },
      ],
    });
  });
});

describe('parseObject()', () => {
  it('accepts 2,500 destinations, internet and storage together', () => {
    const storage = { storageDestinationType: 'AWS_S3', bucketName: 'acme-data', region: 'us-west-2' };
    const value = policyManifest('acme', {
      allowedInternetDestinations: named(2499),
      allowedStorageDestinations: [storage],
    });
    expect(parseObject(value).status).toBe('parsed');
  });

  it('fills in defaults and keeps addresses as typed', () => {
    const parsed = parseObject(accessList({ ipAddresses: ['1.1.1.1', '2.2.2.2/21', '2001:DB8::1'] }));
    expect(parsed).toMatchObject({
      object: { spec: { enabled: true, ipAddresses: ['1.1.1.1', '2.2.2.2/21', '2001:DB8::1'] } },
    });
  });

  it.each([
    ['PolicyAssignment', 'team-a', undefined, { networkPolicyId: 'default-policy' }],
    ['WorkspaceConf', 'workspace', 'team-a', { enableIpAccessLists: false, enableUdfNetworkAccess: false }],
    ['PrivateEndpoint', 'corp', undefined, {}],
  ])('reads a %s without spec, as the API server gives it', (kind, name, namespace, spec) => {
    expect(parseObject(manifest(kind, name, undefined, namespace))).toMatchObject({ object: { spec } });
  });

  it.each([
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'Not Ours' } },
    { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources: [] },
    { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { generateName: 'a-' } },
    { apiVersion: 'sallyport.dev.evil.example/v1', kind: 'NetworkPolicy', metadata: { name: 'a' } },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system', labels: null } },
  ])('passes over %j', (value) => {
    expect(parseObject(value)).toEqual({ status: 'foreign' });
  });

  it('reads a Namespace with the workspace label as a workspace', () => {
    const parsed = parseObject(workspaceManifest('team-a', { 'sallyport.dev/workspace': '1234_A.b' }));
    expect(parsed).toMatchObject({ status: 'parsed', object: { kind: 'Workspace', id: '1234_A.b' } });
  });

  it('gives a cluster-scoped object one key, whatever namespace is written', () => {
    const value = { ...policyManifest('acme'), metadata: { name: 'acme', namespace: 'team-a' } };
    expect(parseObject(value)).toMatchObject({ status: 'parsed', object: { metadata: { name: 'acme' } } });
    expect(parseObject(value)).not.toHaveProperty('object.metadata.namespace');
  });

  it('gives an unreadable object of a namespace its key', () => {
    const parsed = parseObject(accessList({ listType: 'NEITHER' }));
    const key = parsed.status === 'unreadable' ? parsed.key : undefined;
    expect(key && formatKey(key)).toBe('IpAccessList/team-a/office');
  });

  it('gives Problems that name object, field and fix in one line', () => {
    const parsed = parseObject(internet({ destination: '*' }));
    const lines = parsed.status === 'unreadable' ? parsed.problems.map(formatProblem) : [];
    expect(lines).toEqual([
      `NetworkPolicy/acme: ${FIRST}.destination: Cannot accept destination "*": name a domain, for example "*.example.com"; "*" stands only for whole labels in front`,
    ]);
  });

  it('never throws', () => {
    const wild = fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true });
    const kinds = fc.constantFrom(
      'NetworkPolicy',
      'PolicyAssignment',
      'Metastore',
      'IpAccessList',
      'WorkspaceConf',
    );
    const ours = fc.record({
      apiVersion: fc.constant('sallyport.dev/v1alpha1'),
      kind: fc.oneof(kinds, fc.string()),
      metadata: fc.record({ name: fc.constant('acme'), namespace: fc.constant('team-a') }),
      spec: fc.oneof(wild, fc.record({ egress: fc.record({ networkAccess: wild }) })),
    });
    fc.assert(
      fc.property(fc.oneof(wild, ours), (value) => {
        expect(['parsed', 'foreign', 'unreadable']).toContain(parseObject(value).status);
      }),
      { numRuns: 500 },
    );
  });
});
