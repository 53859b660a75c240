// The folder of most families: "tenant" under a policy with every kind of entry, "trial" under the same in dry-run,
// "other" under one of its own.
import {
  allow,
  DRY_RUN,
  type WrittenAccess,
  type WrittenPort,
  workspaceYaml,
} from '../../support/envoy/workspace-yaml.ts';
import { BYSTANDER } from './bystander.ts';

export const PORTS: readonly WrittenPort[] = [
  { port: 443, protocol: 'TLS' },
  { port: 8443, protocol: 'TLS' },
  { port: 80, protocol: 'HTTP' },
  { port: 8080, protocol: 'HTTP' },
  { port: 5432, protocol: 'TCP' },
];

const POLICY: WrittenAccess = {
  allowedInternetDestinations: [
    { destination: '*.leads.example.net', ports: PORTS },
    { destination: 'exact.example.com' },
    { destination: 'metadata.google.internal' },
  ],
  blockedInternetDestinations: [
    { destination: '*.blocked.example.net' },
    { destination: '*.bad.leads.example.net' },
  ],
  allowedStorageDestinations: [
    { storageDestinationType: 'AWS_S3', bucketName: 'acme-data', region: 'us-west-2' },
  ],
};

export const PROBE_FOLDER = {
  'tenant.yaml': workspaceYaml('tenant', POLICY),
  'trial.yaml': workspaceYaml('trial', { ...POLICY, ...DRY_RUN }),
  'other.yaml': workspaceYaml('other', allow([BYSTANDER])),
};
