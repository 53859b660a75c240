// The largest snapshot that is promised, as parsed objects: workspaces spread over policies and metastores, so that
// every policy is met with every metastore. No two policies name the same destination.
import type { ObservedObject } from '../../operator/model/snapshot.ts';
import { manifest, policyManifest, readObject, workspaceManifest } from '../fixtures/object-fixture.ts';

export interface SnapshotSize {
  readonly workspaces: number;
  readonly policies: number;
  readonly destinations: number;
  readonly metastores: number;
}

export function snapshotObjects(size: SnapshotSize): readonly ObservedObject[] {
  const at = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);
  return [
    ...at(size.workspaces).flatMap((index) => workspaceObjects(index, `policy-${index % size.policies}`)),
    readObject(policyManifest('default-policy')),
    ...at(size.policies).map((index) => policy(index, size.destinations)),
    ...at(size.metastores).map((index) => metastore(index, size)),
  ];
}

/** The `index`th policy, with so many destinations. */
export function policy(index: number, destinations: number): ObservedObject {
  const allowedInternetDestinations = Array.from({ length: destinations }, (_, at) => ({
    destination: `${at % 7 === 0 ? '*.' : ''}host-${at}.team-${index}.example.com`,
  }));
  return readObject(policyManifest(`policy-${index}`, { allowedInternetDestinations }));
}

/** The `index`th workspace, under a policy. */
export function workspaceObjects(index: number, networkPolicyId: string): readonly ObservedObject[] {
  return [
    readObject(workspaceManifest(workspaceName(index))),
    readObject(manifest('PolicyAssignment', workspaceName(index), { networkPolicyId })),
  ];
}

export function workspaceName(index: number): string {
  return `team-${String(index).padStart(4, '0')}`;
}

function metastore(index: number, { workspaces, metastores }: SnapshotSize): ObservedObject {
  const perMetastore = Math.ceil(workspaces / metastores);
  const names = Array.from({ length: workspaces }, (_, at) => at)
    .filter((at) => Math.floor(at / perMetastore) === index)
    .map(workspaceName);
  const externalLocations = Array.from({ length: 20 }, (_, at) => ({
    storageDestinationType: 'AWS_S3',
    bucketName: `data-${index}-${at}`,
    region: 'us-west-2',
  }));
  return readObject(
    manifest('Metastore', `metastore-${index}`, {
      region: 'us-west-2',
      externalLocations,
      workspaces: names,
    }),
  );
}
