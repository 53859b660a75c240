import { stampedPod } from '../../../test/fixtures/cluster-fixture.ts';
import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';
import { OwnerChain } from '../../sources/kubernetes/owner-chain.ts';
import { ownersOf } from './read-restarts.ts';

const ANSWERS: Readonly<Record<string, object>> = {
  '/apis/apps/v1': { resources: [{ name: 'statefulsets', kind: 'StatefulSet', namespaced: true }] },
  '/apis/apps/v1/namespaces/team/statefulsets/db': { metadata: { name: 'db', uid: 'true' } },
};
const CONTROLLER = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 'true' };

test('ownersOf() finds an owner, though pods after it say its uid falsely', async () => {
  const chain = new OwnerChain({
    api: {
      request: async ({ path }) => {
        const answer = ANSWERS[path];
        if (answer === undefined) throw new ApiFailure('not there', { status: 404 });
        return answer;
      },
    },
    onFailure: ({ error }) => {
      throw error;
    },
  });
  const own = { ...stampedPod('team', 'full'), controller: CONTROLLER };
  const others = [
    { ...own, controller: { ...CONTROLLER, name: 'other' } },
    { ...stampedPod('other', 'full'), controller: CONTROLLER },
  ];
  const owners = await ownersOf([own, ...others], chain);
  expect([...owners]).toEqual([['true', { ...CONTROLLER, namespace: 'team', isWhole: true }]]);
});
