// The patch of `sallyport suggest -o patch` at a real API server, sent by kubectl as its first line says.
import { suggestPolicy } from '../../operator/compile/suggest/suggest-policy.ts';
import type { NetworkPolicy } from '../../operator/model/network-policy.ts';
import { mergePatch } from '../../operator/roles/suggest/suggested-policy.ts';
import { policyManifest, readObject } from '../fixtures/object-fixture.ts';
import {
  CONTROL_PLANE_TIMEOUT_MS,
  type ControlPlane,
  installCrds,
  startControlPlane,
} from '../support/cluster/control-plane.ts';

let controlPlane: ControlPlane;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await installCrds(controlPlane);
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => controlPlane.stop());

type Stored = ReturnType<typeof policyManifest> & { metadata: { name: string; resourceVersion: string } };

async function kubectl(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await controlPlane.kubectl(args);
  return code === 0 ? stdout : stderr;
}

async function stored(): Promise<Stored> {
  return JSON.parse(await kubectl('get', 'snp', 'acme', '-o', 'json')) as Stored;
}

function patchFor(policy: Stored): string {
  const evidence = { count: 1, firstSeen: '', lastSeen: '', products: [], workspaces: [], pods: [] };
  const suggestion = suggestPolicy({
    ...{ policy: readObject(policy) as NetworkPolicy, workspaces: [], traffic: [], uses: undefined },
    ...{ sinceMs: 0, atMs: 1, wildcardZones: [] },
  });
  const ports = [{ port: 8443, protocol: 'TLS' as const }];
  const destination = { destination: 'new.example.com', ports };
  const added = [{ list: 'allowedInternetDestinations' as const, destination, hosts: [], evidence }];
  const removed = [{ list: 'allowedInternetDestinations' as const, at: 0, text: '', why: '' }];
  return JSON.stringify(mergePatch(policy, { ...suggestion, added, removed }));
}

test('the patch changes the lists alone, and is rejected where somebody has changed the policy meanwhile', async () => {
  const bucket = { storageDestinationType: 'AWS_S3', bucketName: 'acme-data', region: 'us-west-2' };
  const manifest = policyManifest('acme', {
    allowedInternetDestinations: [{ destination: 'unused.example.com' }, { destination: 'kept.example.com' }],
    allowedStorageDestinations: [bucket],
  });
  const stdin = JSON.stringify(manifest);
  expect(await controlPlane.kubectl(['create', '-f', '-'], { stdin })).toMatchObject({ code: 0 });
  const patch = patchFor(await stored());
  expect(await kubectl('patch', 'snp', 'acme', '--type', 'merge', '--patch', patch)).toMatch(/patched/);
  const { spec } = readObject(await stored()) as NetworkPolicy;
  const { allowedInternetDestinations, ...rest } = spec.egress.networkAccess;
  expect(allowedInternetDestinations?.map(({ destination }) => destination)).toEqual([
    ...['kept.example.com', 'new.example.com'],
  ]);
  expect(rest).toMatchObject({ restrictionMode: 'RESTRICTED_ACCESS', allowedStorageDestinations: [bucket] });
  expect(await kubectl('patch', 'snp', 'acme', '--type', 'merge', '--patch', patch)).toMatch(/Conflict/);
});
