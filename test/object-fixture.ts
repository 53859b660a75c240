// Objects for tests, as people write them and as they are read. In: a few words; out: manifests and snapshots.
// Everything goes through the real parser, so that no test knows an object that could not exist.

import { API_VERSION } from './kubernetes-object.ts';
import type { NetworkAccess, NetworkPolicy } from './network-policy.ts';
import { parseObject } from './parse-object.ts';
import type { ObservedObject, Snapshot } from './snapshot.ts';
import { WORKSPACE_LABEL } from './workspace.ts';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec?: unknown;
}

export function manifest(kind: string, name: string, spec?: unknown, namespace?: string): Manifest {
  const metadata = namespace === undefined ? { name } : { name, namespace };
  return { apiVersion: API_VERSION, kind, metadata, ...(spec === undefined ? {} : { spec }) };
}

/** A NetworkPolicy in RESTRICTED_ACCESS unless `access` says otherwise. */
export function policyManifest(name: string, access: Readonly<Record<string, unknown>> = {}): Manifest {
  const networkAccess = { restrictionMode: 'RESTRICTED_ACCESS', ...access };
  return manifest('NetworkPolicy', name, { egress: { networkAccess } });
}

export function workspaceManifest(
  name: string,
  labels: Readonly<Record<string, string>> = {},
  creationTimestamp?: string,
): Manifest {
  const metadata = { name, labels: { [WORKSPACE_LABEL]: `id-${name}`, ...labels }, creationTimestamp };
  return { apiVersion: 'v1', kind: 'Namespace', metadata };
}

/** The object that a manifest stands for; throws where it does not parse. */
export function readObject(value: Manifest): ObservedObject {
  const parsed = parseObject(value);
  if (parsed.status === 'parsed') return parsed.object;
  throw new Error(`Cannot read the manifest of a test: ${JSON.stringify(parsed)}`);
}

export function readPolicy(access: Readonly<Record<string, unknown>> = {}): NetworkPolicy {
  const object = readObject(policyManifest('acme', access));
  if (object.kind === 'NetworkPolicy') return object;
  throw new Error(`Cannot use a ${object.kind} as a policy`);
}

/** The snapshot of these manifests; what does not parse stands in it as unreadable. */
export function readSnapshot(...manifests: readonly Manifest[]): Snapshot {
  const parsed = manifests.map(parseObject);
  return {
    objects: parsed.flatMap((result) => (result.status === 'parsed' ? [result.object] : [])),
    unreadable: parsed.flatMap((result) =>
      result.status === 'unreadable' && result.key !== undefined ? [result.key] : [],
    ),
  };
}

export type Enforcement = NonNullable<NetworkAccess['policyEnforcement']>;
