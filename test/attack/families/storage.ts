// Buckets and accounts of strangers, under every wildcard that a policy can have at or above the zones of storage
// providers: none is reached. What the policy lists as storage is, and so are other services under the wildcards.
import fc from 'fast-check';
import { parseObject } from '../../../operator/model/parse-object.ts';
import { faultOfZone } from '../../../operator/model/shared-zone.ts';
import { type WrittenAccess, workspaceYaml } from '../../support/envoy/workspace-yaml.ts';
import {
  coveringWildcards,
  hostOf,
  isService,
  type StorageHostCase,
  storageHost,
} from '../arbitraries/storage-host.ts';
import type { Family } from './family.ts';
import type { Probe, Ruling } from './probe.ts';
import { probeFamily } from './probe-family.ts';
import { PROBE_FOLDER } from './probe-folder.ts';
import type { ProbeScene } from './probe-scene.ts';
import { proxyConnect, transparentTls } from './probe-senders.ts';
import { DENIED } from './reading.ts';

type WrittenEntry = Readonly<{ destination: string; sharedZone?: 'Accept' }>;

/** As a person would write it after having read the message; none where no such entry is accepted. */
function acceptedEntry(destination: string): readonly WrittenEntry[] {
  const ways: readonly WrittenEntry[] = [{ destination }, { destination, sharedZone: 'Accept' }];
  return ways.filter((entry) => isAccepted(entry)).slice(0, 1);
}

function isAccepted(entry: WrittenEntry): boolean {
  const networkAccess = { restrictionMode: 'RESTRICTED_ACCESS', allowedInternetDestinations: [entry] };
  const parsed = parseObject({
    apiVersion: 'sallyport.dev/v1alpha1',
    kind: 'NetworkPolicy',
    metadata: { name: 'p' },
    spec: { egress: { networkAccess } },
  });
  return parsed.status !== 'unreadable' && faultOfZone(entry) === undefined;
}

const POLICY: WrittenAccess = {
  allowedInternetDestinations: coveringWildcards().flatMap(acceptedEntry),
  allowedStorageDestinations: [
    { storageDestinationType: 'AWS_S3', bucketName: 'acme-data', region: 'us-west-2' },
    { storageDestinationType: 'GOOGLE_CLOUD_STORAGE', bucketName: 'acme-data' },
  ],
};

interface Case {
  readonly way: 'CONNECT' | 'SNI';
  readonly host: StorageHostCase;
}

export const STORAGE_OF_STRANGERS: Family = probeFamily<Case>({
  name: 'storage',
  what: 'buckets and accounts of strangers under every wildcard that a policy may have',
  runs: 3000,
  sampleRuns: 300,
  files: { ...PROBE_FOLDER, 'tenant.yaml': workspaceYaml('tenant', POLICY) },
  arbitrary: fc.record({ way: fc.constantFrom('CONNECT', 'SNI'), host: storageHost }),
  probe({ way, host: described }, { token }, scene): Probe {
    const host = hostOf(described);
    const bytes =
      way === 'SNI' ? transparentTls(host, token) : proxyConnect(`${host}:443`, { token, sni: host });
    return { ...bytes, lane: 'tenant', ruling: rulingOnStorage(described, scene), shown: `${way} ${host}` };
  },
});

/** Listed storage is known from decide(), which a test of its own compares with the providers' forms. */
function rulingOnStorage(described: StorageHostCase, scene: ProbeScene): Ruling {
  const host = hostOf(described);
  const decision = scene.decide('tenant', { via: 'TLS', sni: host, port: 443 });
  const isListed = decision.rule?.list === 'allowedStorageDestinations';
  const isOpen = decision.verdict === 'ALLOW' && (isListed || isService(described));
  return isOpen ? { kind: 'passes', to: { host, port: 443 } } : DENIED;
}
