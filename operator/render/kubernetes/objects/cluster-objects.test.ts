// Which workspaces isolate the pods that ran before.
import { CLUSTER_SETTINGS, clusterState } from '../../../../test/fixtures/cluster-fixture.ts';
import { readObject, workspaceManifest } from '../../../../test/fixtures/object-fixture.ts';
import { NOTHING_REMEMBERED, operatorOutputs } from '../../../pipeline.ts';

function adoptingOf(annotations: Readonly<Record<string, string>>): readonly string[] {
  const manifest = workspaceManifest('team', {}, undefined, annotations);
  const state = clusterState([manifest], { namespaces: [readObject(manifest).metadata] });
  return [...operatorOutputs(state, CLUSTER_SETTINGS, NOTHING_REMEMBERED).adopting];
}

test.each(['Isolate', 'isolate', 'Exempt', ''])('adopt %j isolates running pods too', (value) => {
  expect(adoptingOf({ 'sallyport.dev/adopt': value })).toEqual(['team']);
});

test('without the annotation running pods are exempt', () => {
  expect(adoptingOf({})).toEqual([]);
});
