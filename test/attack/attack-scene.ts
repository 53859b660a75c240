// The gateway under attack and what is around it. Three workspaces: "tenant" under the policy of the attack list,
// "trial" under the same in dry-run, "other" under one of its own. Names that no policy allows exist, too, and have
// a server, so that a request that gets out by mistake is seen to arrive.
import { type OutsideName, type Services, STANDARD_SERVICES } from '../outside/outside-servers.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import {
  allow,
  DRY_RUN,
  type WrittenAccess,
  type WrittenPort,
  workspaceYaml,
} from '../support/envoy/workspace-yaml.ts';
import type { Entry } from './attack-case.ts';
import { LEADS } from './leads.ts';

export interface AttackScene {
  readonly fixture: GatewayFixture;
  placeOf(workspace: string, entry: Entry): { readonly host: string; readonly port: number };
  /** PLACEHOLDERS -> what they stand for. */
  fillIn(text: string): string;
}

const ANY_PORTS: readonly WrittenPort[] = [
  { port: 443, protocol: 'TLS' },
  { port: 80, protocol: 'HTTP' },
  { port: 8080, protocol: 'HTTP' },
  { port: 5432, protocol: 'TCP' },
];

const POLICY: WrittenAccess = {
  allowedInternetDestinations: [
    ...destinations(['example.com', '*.data.example.org', 'bücher.example', 'both.example.com']),
    // Once as people write it and once canonical: one destination.
    ...destinations(['Folded.Example.ORG.', 'folded.example.org', 'metadata.google.internal']),
    ...destinations(['*.leads.example.net'], ANY_PORTS),
    ...destinations(
      ['ports.example.com'],
      [
        { port: 22, protocol: 'TCP' },
        { port: 8443, protocol: 'TLS' },
      ],
    ),
  ],
  blockedInternetDestinations: destinations(['both.example.com', 'blocked.data.example.org']),
  allowedStorageDestinations: [
    { storageDestinationType: 'AWS_S3', bucketName: 'acme-data', region: 'us-west-2' },
    { storageDestinationType: 'GOOGLE_CLOUD_STORAGE', bucketName: 'acme-exports' },
    {
      storageDestinationType: 'AZURE_STORAGE',
      azureStorageAccount: 'acmelake',
      azureStorageService: 'blob',
    },
  ],
};

/** What an attacker would like to find at home. */
const ALL_SERVICES: Services = {
  ...STANDARD_SERVICES,
  25: 'echo',
  53: 'echo',
  853: 'https',
  3128: 'http',
  3389: 'echo',
  5432: 'echo',
  6443: 'https',
  8443: 'https',
  10250: 'https',
};

/** Dots in a policy's name mean nothing in names of Envoy's resources, though they do to patterns. */
export const POLICIES = { tenant: 'tenant-policy', trial: 'trial-policy', other: 'other.policy.v1' } as const;

const ELSEWHERE = 'elsewhere.example.net';
const EVERYTHING_ELSE = ['com', 'net', 'org', 'example', 'internal', 'goog', 'local', 'uk', 'google', 'cn'];

const SERVED_NAMES: readonly string[] = [
  'example.com',
  'a.data.example.org',
  'a.b.data.example.org',
  'xn--bcher-kva.data.example.org',
  'xn--bcher-kva.example',
  'folded.example.org',
  'ports.example.com',
  'other.example.com',
  'evil.example',
  'acme-data.s3.us-west-2.amazonaws.com',
  'acme-exports.storage.googleapis.com',
  'acmelake.blob.core.windows.net',
];

export async function startAttackScene(): Promise<AttackScene> {
  const fixture = await startGateway({
    names: SERVED_NAMES.map((name) => ({ name })),
    services: ALL_SERVICES,
    files: {
      'tenant.yaml': workspaceYaml('tenant', POLICY),
      'trial.yaml': workspaceYaml('trial', { ...POLICY, ...DRY_RUN }),
      'other.yaml': workspaceYaml('other', allow(['other.example.com'])).replaceAll(
        'other-policy',
        POLICIES.other,
      ),
    },
  });
  try {
    await addNames(fixture);
    return sceneOf(fixture);
  } catch (error) {
    await fixture.stop();
    throw error;
  }
}

const OFFSETS: Readonly<Record<Entry, number>> = { proxy: 0, tls: 1, http: 2, dns: 3, 'tls-8443': 4 };

function sceneOf(fixture: GatewayFixture): AttackScene {
  const placeOf = (workspace: string, entry: Entry) => {
    const { host, port } = fixture.client(workspace).proxy;
    return { host, port: port + OFFSETS[entry] };
  };
  const { outside } = fixture;
  const values: Readonly<Record<string, string>> = {
    '<server>': outside.addressOf(ELSEWHERE),
    '<gateway>': outside.listenAddress,
    '<proxy-port>': `${placeOf('tenant', 'proxy').port}`,
    '<tls-port>': `${placeOf('tenant', 'tls').port}`,
    '<resolver-port>': outside.resolver.split(':')[1] ?? '',
  };
  return {
    fixture,
    placeOf,
    fillIn: (text) => text.replaceAll(/<[a-z-]+>/g, (name) => values[name] ?? name),
  };
}

async function addNames({ outside }: GatewayFixture): Promise<void> {
  await outside.addName({ name: ELSEWHERE });
  const address = outside.addressOf(ELSEWHERE);
  for (const suffix of EVERYTHING_ELSE) await outside.addName({ name: `*.${suffix}`, address });
  for (const { label, ...lead } of LEADS) {
    const name: OutsideName = { name: `${label}.leads.example.net`, ...lead.answers(outside) };
    await outside.addName({ ...name, services: ALL_SERVICES });
  }
}

function destinations(names: readonly string[], ports?: readonly WrittenPort[]) {
  return names.map((destination) => ({ destination, ...(ports === undefined ? {} : { ports }) }));
}
