// What belongs to the account, over a folder: the stories of both modes, and what only this product has of a policy.
import { ACCOUNT } from '../support/api/api-stage.ts';
import { FolderStage } from '../support/api/folder-stage.ts';
import { ACCOUNT_STORIES } from './account-stories.ts';

const RICH = `# Ours.
apiVersion: sallyport.dev/v1alpha1
kind: NetworkPolicy
metadata: { name: rich }
spec:
  egress:
    networkAccess:
      restrictionMode: RESTRICTED_ACCESS
      allowedInternetDestinations:
        - { destination: db.example.com, ports: [{ port: 5432, protocol: TCP }], reason: reports }
    clusterAccess: { presets: [KUBERNETES_API] }
  staleWorkloads: { action: Isolate, afterSeconds: 3600 }
---
# Somebody else's.
apiVersion: sallyport.dev/v1alpha1
kind: NetworkPolicy
metadata: { name: beside }   # kept as it is
spec: { egress: { networkAccess: { restrictionMode: FULL_ACCESS } } }
`;

let stage: FolderStage;

beforeAll(async () => {
  stage = await FolderStage.start({ files: { 'rich.yaml': RICH } });
});

afterAll(() => stage.stop());

it.each(ACCOUNT_STORIES)('%s', (_title, tell) => tell(stage));

it('keeps what Databricks does not have, and everything else in the file', async () => {
  const path = `${ACCOUNT}/network-policies/rich`;
  const access = {
    restriction_mode: 'RESTRICTED_ACCESS',
    allowed_internet_destinations: [
      { destination: 'new.example.com', internet_destination_type: 'DNS_NAME' },
      { destination: 'db.example.com', internet_destination_type: 'DNS_NAME' },
    ],
  };
  const answer = await stage.call({ method: 'PUT', path, body: { egress: { network_access: access } } });
  expect(answer).toMatchObject({
    status: 200,
    body: {
      stale_workloads: { action: 'Isolate', after_seconds: 3600 },
      egress: {
        cluster_access: { presets: ['KUBERNETES_API'] },
        network_access: {
          allowed_internet_destinations: [
            { destination: 'new.example.com' },
            { destination: 'db.example.com', ports: [{ port: 5432, protocol: 'TCP' }], reason: 'reports' },
          ],
        },
      },
    },
  });
  const text = await stage.read('rich.yaml');
  expect(text.startsWith('# Ours.\n')).toBe(true);
  expect(text.endsWith(RICH.slice(RICH.indexOf('---')))).toBe(true);
  expect((await stage.call({ path })).body).toEqual(answer.body);
  expect(await stage.call({ method: 'DELETE', path })).toMatchObject({ status: 200 });
  expect(await stage.read('rich.yaml')).toBe(`# Ours.\n${RICH.slice(RICH.indexOf('---'))}`);
});
