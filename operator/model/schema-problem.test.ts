import { type Manifest, manifest, policyManifest } from '../../test/fixtures/object-fixture.ts';
import { parseObject } from './parse-object.ts';
import type { Problem } from './problem.ts';
import { formatPath } from './schema-problem.ts';

const ACCESS = 'spec.egress.networkAccess';

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

const FIRST = `${ACCESS}.allowedInternetDestinations[0]`;

describe('problemOfIssue() reports', () => {
  it.each<[string, unknown, string, string, string]>([
    [
      'an unknown field',
      policyManifest('acme', { allowedInternetDestination: [] }),
      'UnknownField',
      ACCESS,
      'Cannot accept unknown field "allowedInternetDestination": remove it or correct its spelling (Did you mean allowedInternetDestinations?)',
    ],
    [
      'a wrong enum value',
      policyManifest('acme', { restrictionMode: 'RESTRICTED' }),
      'InvalidValue',
      `${ACCESS}.restrictionMode`,
      'Cannot accept "RESTRICTED": use one of "FULL_ACCESS", "RESTRICTED_ACCESS"',
    ],
    [
      'a missing enum value',
      policyManifest('acme', { restrictionMode: undefined }),
      'InvalidValue',
      `${ACCESS}.restrictionMode`,
      'Cannot leave this field out: use one of "FULL_ACCESS", "RESTRICTED_ACCESS"',
    ],
    [
      'an enum value with one choice',
      internet({ destination: 'example.com', internetDestinationType: 'IP_RANGE' }),
      'InvalidValue',
      `${FIRST}.internetDestinationType`,
      'Cannot accept "IP_RANGE": use "DNS_NAME"',
    ],
    [
      '2,501 destinations in one list',
      internet(...named(2501)),
      'TooManyDestinations',
      `${ACCESS}.allowedInternetDestinations`,
      'Cannot accept 2501 entries: the limit is 2500',
    ],
    [
      '2,501 destinations in two lists',
      policyManifest('acme', {
        allowedInternetDestinations: named(2500),
        allowedStorageDestinations: [
          { storageDestinationType: 'GOOGLE_CLOUD_STORAGE', bucketName: 'acme-data' },
        ],
      }),
      'TooManyDestinations',
      ACCESS,
      'Cannot accept 2501 destinations: the limit is 2500, allowed internet and storage destinations together',
    ],
    [
      '501 blocked destinations',
      policyManifest('acme', { blockedInternetDestinations: named(501) }),
      'TooManyDestinations',
      `${ACCESS}.blockedInternetDestinations`,
      'Cannot accept 501 entries: the limit is 500',
    ],
    [
      '"*" as a destination',
      internet({ destination: '*' }),
      'InvalidValue',
      `${FIRST}.destination`,
      'Cannot accept destination "*": name a domain, for example "*.example.com"; "*" stands only for whole labels in front',
    ],
    [
      'a URL as a destination',
      internet({ destination: 'https://x/' }),
      'InvalidValue',
      `${FIRST}.destination`,
      'Cannot accept destination "https://x/": write only the domain name, without scheme, user or path, for example "example.com"',
    ],
    [
      'a name with a port as a destination',
      internet({ destination: 'example.com:8443' }),
      'InvalidValue',
      `${FIRST}.destination`,
      'Cannot accept destination "example.com:8443": write the port under "ports", for example destination "example.com" with ports [{port: 8443}]',
    ],
    [
      'an address as a destination',
      internet({ destination: '192.0.2.7' }),
      'InvalidValue',
      `${FIRST}.destination`,
      'Cannot accept destination "192.0.2.7": name a domain; addresses are not accepted as destinations',
    ],
    ...['*.com', '*.co.uk'].map(
      (suffix) =>
        [
          `the public suffix ${suffix}`,
          internet({ destination: suffix }),
          'InvalidValue',
          `${FIRST}.destination`,
          `Cannot accept destination "${suffix}": anyone can register names under a public suffix; name a domain, for example "*.example.com"`,
        ] as [string, unknown, string, string, string],
    ),
    [
      'a blocked "*"',
      policyManifest('acme', { blockedInternetDestinations: [{ destination: '*' }] }),
      'InvalidValue',
      `${ACCESS}.blockedInternetDestinations[0].destination`,
      'Cannot accept destination "*": name a domain, for example "*.example.com"; "*" stands only for whole labels in front',
    ],
    [
      'ports of a blocked destination',
      policyManifest('acme', { blockedInternetDestinations: [{ destination: 'example.com', ports: [] }] }),
      'UnknownField',
      `${ACCESS}.blockedInternetDestinations[0]`,
      'Cannot accept unknown field "ports": remove it or correct its spelling',
    ],
    [
      'an empty destination',
      internet({ destination: '' }),
      'InvalidValue',
      `${FIRST}.destination`,
      'Cannot accept "": the minimum is 1 character',
    ],
    [
      'a destination that is too long to be one',
      internet({ destination: 'a'.repeat(300) }),
      'InvalidValue',
      `${FIRST}.destination`,
      `Cannot accept "${'a'.repeat(99)}…": the maximum is 255 characters`,
    ],
    [
      'a destination that is no text',
      internet('example.com'),
      'InvalidValue',
      FIRST,
      'Cannot accept "example.com": a value of type object is needed',
    ],
    [
      'a list that is an object',
      policyManifest('acme', { allowedInternetDestinations: { destination: 'example.com' } }),
      'InvalidValue',
      `${ACCESS}.allowedInternetDestinations`,
      'Cannot accept an object: a value of type array is needed',
    ],
    [
      'a port that is text',
      internet({ destination: 'example.com', ports: [{ port: '443' }] }),
      'InvalidValue',
      `${FIRST}.ports[0].port`,
      'Cannot accept "443": a value of type number is needed, write 443 without quotes',
    ],
    [
      'a port out of range',
      internet({ destination: 'example.com', ports: [{ port: 65536 }] }),
      'InvalidValue',
      `${FIRST}.ports[0].port`,
      'Cannot accept 65536: the maximum is 65535',
    ],
    [
      'port 0',
      internet({ destination: 'example.com', ports: [{ port: 0 }] }),
      'InvalidValue',
      `${FIRST}.ports[0].port`,
      'Cannot accept 0: the minimum is 1',
    ],
    [
      '17 ports',
      internet({
        destination: 'example.com',
        ports: Array.from({ length: 17 }, (_, at) => ({ port: at + 1 })),
      }),
      'InvalidValue',
      `${FIRST}.ports`,
      'Cannot accept 17 entries: the limit is 16',
    ],
    [
      'a time without a zone',
      internet({ destination: 'example.com', expiresAt: '2027-01-31' }),
      'InvalidValue',
      `${FIRST}.expiresAt`,
      'Cannot accept "2027-01-31": write a time in UTC such as "2027-01-31T00:00:00Z"',
    ],
    [
      'a policy id with a space',
      manifest('PolicyAssignment', 'team-a', { networkPolicyId: 'my policy' }),
      'InvalidValue',
      'spec.networkPolicyId',
      'Cannot accept "my policy": use at most 32 letters, digits, dots, underscores and hyphens, for example "acme"',
    ],
    [
      'a switch that is text',
      manifest('WorkspaceConf', 'workspace', { enableIpAccessLists: 'true' }, 'team-a'),
      'InvalidValue',
      'spec.enableIpAccessLists',
      'Cannot accept "true": a value of type boolean is needed, write true without quotes',
    ],
    [
      'an address with a leading zero',
      accessList({ ipAddresses: ['192.0.2.7', '010.0.0.1'] }),
      'InvalidValue',
      'spec.ipAddresses[1]',
      'Cannot accept address "010.0.0.1": write an address such as "192.0.2.7" or a range such as "192.0.2.0/24"',
    ],
    [
      '1,001 addresses',
      accessList({ ipAddresses: Array.from({ length: 1001 }, () => '192.0.2.7') }),
      'InvalidValue',
      'spec.ipAddresses',
      'Cannot accept 1001 entries: the limit is 1000',
    ],
    [
      'an access list with an empty label',
      accessList({ label: '' }),
      'InvalidValue',
      'spec.label',
      'Cannot accept "": the minimum is 1 character',
    ],
    [
      'a list type in lower case',
      accessList({ listType: 'allow' }),
      'InvalidValue',
      'spec.listType',
      'Cannot accept "allow": use one of "ALLOW", "BLOCK"',
    ],
    [
      'a connection without the end of its transition',
      manifest('Metastore', 'main', {
        region: 'us-west-2',
        connections: [{ name: 'db', destination: 'db.example.com' }],
      }),
      'InvalidValue',
      'spec.connections[0].transitionEndTime',
      'Cannot leave this field out: a value of type string is needed',
    ],
    [
      'a region in upper case, which would match no bucket',
      manifest('Metastore', 'main', { region: 'US-WEST-2' }),
      'InvalidValue',
      'spec.region',
      'Cannot accept "US-WEST-2": use lower-case letters, digits and hyphens, for example "us-west-2"',
    ],
  ])('%s', (_, value, ...problem) => {
    expect(problemsOf(value)).toEqual([problem]);
  });
});

describe('formatPath()', () => {
  it.each([
    [[], ''],
    [['spec'], 'spec'],
    [['spec', 'list', 3, 'destination'], 'spec.list[3].destination'],
  ])('writes %j as "%s"', (path, text) => {
    expect(formatPath(path)).toBe(text);
  });
});
