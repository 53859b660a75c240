import { policyManifest, readObject } from '../../../test/fixtures/object-fixture.ts';
import { suggestPolicy } from '../../compile/suggest/suggest-policy.ts';
import type { NetworkPolicy } from '../../model/network-policy.ts';
import { mergePatch, suggestedPolicy } from './suggested-policy.ts';

const KEPT = [{ destination: 'kept.example.com', reason: 'as written' }, { destination: 'old.example.com' }];

function writtenPolicy(count = 0) {
  const many = Array.from({ length: count }, (_, at) => ({ destination: `host-${at}.example.net` }));
  const manifest = policyManifest('acme', { allowedInternetDestinations: [...KEPT, ...many] });
  return { ...manifest, metadata: { name: 'acme', resourceVersion: '7' } };
}

function suggestionFor(written: ReturnType<typeof writtenPolicy>) {
  const suggestion = suggestPolicy({
    ...{ policy: readObject(written) as NetworkPolicy, workspaces: [], traffic: [], uses: undefined },
    ...{ sinceMs: 0, atMs: 1, wildcardZones: [] },
  });
  const evidence = { count: 1, firstSeen: '', lastSeen: '', products: [], workspaces: [], pods: [] };
  return {
    ...suggestion,
    added: [
      {
        list: 'allowedInternetDestinations' as const,
        ...{ destination: { destination: 'a.example.com' }, hosts: ['a.example.com'], evidence },
      },
    ],
    removed: [
      { list: 'allowedInternetDestinations' as const, at: 1, text: 'old.example.com', why: 'unused' },
    ],
  };
}

test('mergePatch() has the whole lists that change, as written, and the version of the policy', () => {
  const written = writtenPolicy();
  expect(mergePatch(written, suggestionFor(written))).toEqual({
    metadata: { resourceVersion: '7' },
    spec: {
      egress: { networkAccess: { allowedInternetDestinations: [KEPT[0], { destination: 'a.example.com' }] } },
    },
  });
});

test('suggestedPolicy() changes nothing in a policy that is not the one that was looked at', () => {
  const suggestion = suggestionFor(writtenPolicy());
  expect(() => suggestedPolicy(writtenPolicy(1), suggestion)).toThrow(
    'Cannot change NetworkPolicy "acme": it has changed meanwhile; suggest again',
  );
});

test('suggestedPolicy() says where there would be too many destinations', () => {
  const full = writtenPolicy(2498);
  const suggestion = { ...suggestionFor(full), removed: [] };
  expect(() => suggestedPolicy(full, suggestion)).toThrow(
    /^Cannot change NetworkPolicy "acme" as suggested: .*Cannot accept 2501 entries: the limit is 2500/,
  );
});
