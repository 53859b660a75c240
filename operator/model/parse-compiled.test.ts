import { parseWorkspacePlan } from './parse-compiled.ts';

const SPEC = { workspaceId: '1', networkPolicyId: 'acme', revision: 'r', table: 't', lanes: [] };
const planWith = (product: object, further: object = {}) => ({
  ...{ kind: 'WorkspacePlan', metadata: { name: 'team' } },
  spec: { ...SPEC, products: [{ product: 'GENERAL', lane: 'enforced', ...product }], ...further },
});

test('parseWorkspacePlan() reads a plan of a version that stored no times', () => {
  expect(parseWorkspacePlan(planWith({}))).toHaveProperty('object');
  expect(parseWorkspacePlan(planWith({ since: '2027-01-31T00:00:00Z' }))).toHaveProperty('object');
});

/** As a version before it read "since": its gateways keep their last good plan. */
test.each([
  ['of a product', planWith({ newer: 'x' }), 'spec.products.0: Unrecognized key: "newer"'],
  ['of the plan', planWith({}, { newer: 'x' }), 'spec.: Unrecognized key: "newer"'],
])('parseWorkspacePlan() names a field %s that only a newer version has', (_of, plan, fault) => {
  expect(parseWorkspacePlan(plan)).toEqual({ fault: `Cannot read WorkspacePlan "team": ${fault}` });
});
