import { policyManifest, readSnapshot, workspaceManifest } from '../../../test/fixtures/object-fixture.ts';
import { compileSnapshot } from '../../compile/plans.ts';
import { PRODUCTS } from '../../model/product.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import { endpointsOf, productListeners, wantedBlocks } from './product-listeners.ts';

/** The plan of workspace "alpha" under this default policy. */
function planUnder(access: Readonly<Record<string, unknown>>): WorkspacePlan {
  const { plans } = compileSnapshot(
    readSnapshot(workspaceManifest('alpha'), policyManifest('default-policy', access)),
  );
  return plans[0] as WorkspacePlan;
}

const EXEMPT = { policyEnforcement: { mlBuildEnforcement: 'EXEMPT' } };

test('wantedBlocks() has a key for every product but those in lane full', () => {
  const keys = wantedBlocks([planUnder(EXEMPT)]);
  expect(keys).toHaveLength(PRODUCTS.length - 1);
  expect(keys).toContain('alpha/JOBS');
  expect(keys).not.toContain('alpha/ML_BUILD');
  expect(wantedBlocks([planUnder({ restrictionMode: 'FULL_ACCESS' })])).toEqual([]);
});

test('productListeners() makes an egress listener of each product that has a port, with all that its log lines say', () => {
  const plan = planUnder(EXEMPT);
  const ports = { 'alpha/EXTERNAL_MODELS': 10_008, 'alpha/ML_BUILD': 10_016, 'beta/JOBS': 10_024 };
  expect(productListeners([plan], ports, '127.0.0.7')).toEqual([
    {
      name: 'alpha-external-models',
      workspace: 'alpha',
      workspaceId: 'id-alpha',
      product: 'EXTERNAL_MODELS',
      lane: 'enforced',
      networkPolicyId: 'default-policy',
      table: plan.spec.table,
      address: '127.0.0.7',
      port: 10_008,
      tlsPorts: [],
    },
  ]);
});

test('endpointsOf() shows scripts the proxy of each product, and null where none is', () => {
  const plan = planUnder(EXEMPT);
  const tlsPorts = { 'alpha/JOBS': [{ port: 8443, offset: 4 }] };
  const egressListeners = productListeners([plan], { 'alpha/JOBS': 10_008 }, '127.0.0.1', tlsPorts);
  const { workspaces } = endpointsOf([plan], egressListeners);
  expect(workspaces).toMatchObject([
    { workspace: 'alpha', workspaceId: 'id-alpha', networkPolicyId: 'default-policy' },
  ]);
  const products = workspaces[0]?.products ?? [];
  expect(products).toHaveLength(PRODUCTS.length);
  expect(products).toContainEqual({
    product: 'JOBS',
    lane: 'enforced',
    proxy: 'http://127.0.0.1:10008',
    tls: '127.0.0.1:10009',
    tlsPorts: { 8443: '127.0.0.1:10012' },
    http: '127.0.0.1:10010',
    dns: '127.0.0.1:10011',
  });
  const none = { proxy: null, tls: null, tlsPorts: {}, http: null, dns: null };
  expect(products).toContainEqual({ product: 'ML_BUILD', lane: 'full', ...none });
});

test('endpointsOf() writes an IPv6 address as a URL wants it', () => {
  const plan = planUnder({});
  const { workspaces } = endpointsOf([plan], productListeners([plan], { 'alpha/JOBS': 10_008 }, '::1'));
  const jobs = workspaces[0]?.products.find(({ product }) => product === 'JOBS');
  expect(new URL(jobs?.proxy ?? '')).toMatchObject({ hostname: '[::1]', port: '10008' });
});
