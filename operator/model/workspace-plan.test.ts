import type { Lane } from './lane.ts';
import { PRODUCTS } from './product.ts';
import { enforcementOf, type WorkspacePlan } from './workspace-plan.ts';

function withLanes(...lanes: readonly Lane[]): WorkspacePlan {
  const products = lanes.map((lane, at) => ({ product: PRODUCTS[at] ?? 'GENERAL', lane }));
  const spec = { workspaceId: '7', networkPolicyId: 'acme', revision: 'r1', table: 'acme-1', products };
  return { kind: 'WorkspacePlan', metadata: { name: 'alpha' }, spec };
}

test.each<[string, readonly Lane[]]>([
  ['open', ['full', 'full']],
  ['enforced', ['enforced', 'sealed', 'full']],
  ['dry-run', ['dry-run', 'sealed-dry-run']],
  ['mixed', ['dry-run', 'enforced']],
  ['mixed', ['dry-run', 'full']],
])('enforcementOf() says %s of lanes %j', (word, lanes) => {
  expect(enforcementOf(withLanes(...lanes))).toBe(word);
});
