import { type Enforcement, readPolicy } from '../../test/fixtures/object-fixture.ts';
import type { Lane } from '../model/lane.ts';
import { PRODUCTS, type Product } from '../model/product.ts';
import { TIERS } from '../model/workspace.ts';
import { type LaneSettings, laneOf } from './lanes.ts';

type Lanes = Readonly<Record<Product, Lane>>;

const enterprise = { tier: 'ENTERPRISE', udfNetworkAccess: false } as const;

/** The lane of every product. */
function lanesOf(settings: LaneSettings): Readonly<Record<string, Lane>> {
  return Object.fromEntries(PRODUCTS.map((product) => [product, laneOf(product, settings)]));
}

function restricted(policyEnforcement?: Partial<Enforcement>, udfNetworkAccess = false): LaneSettings {
  const policy = readPolicy(policyEnforcement === undefined ? {} : { policyEnforcement });
  return { ...enterprise, policy, udfNetworkAccess };
}

function allOf(lane: Lane): Lanes {
  return Object.fromEntries(PRODUCTS.map((product) => [product, lane])) as unknown as Lanes;
}

const ENFORCED: Lanes = { ...allOf('enforced'), SQL_UDF: 'sealed', PROVISIONED_THROUGHPUT: 'sealed' };

/** What an empty filter leaves out of dry-run: external models (R27) and functions without network access (R77). */
const DRY_RUN: Lanes = {
  ...allOf('dry-run'),
  SQL_UDF: 'sealed',
  EXTERNAL_MODELS: 'enforced',
  PROVISIONED_THROUGHPUT: 'sealed-dry-run',
};

describe('laneOf()', () => {
  it.each<[string, LaneSettings, Lanes]>([
    ['enforces a restricted policy that says no more', restricted(), ENFORCED],
    ['enforces under ENFORCED', restricted({ enforcementMode: 'ENFORCED' }), ENFORCED],
    [
      'ignores a filter under ENFORCED',
      restricted({ enforcementMode: 'ENFORCED', dryRunModeProductFilter: ['DBSQL'] }),
      ENFORCED,
    ],
    ['puts all products in dry-run under DRY_RUN (R26)', restricted({ enforcementMode: 'DRY_RUN' }), DRY_RUN],
    [
      'takes an empty filter for all products',
      restricted({ enforcementMode: 'DRY_RUN', dryRunModeProductFilter: [] }),
      DRY_RUN,
    ],
    [
      'puts Databricks SQL alone in dry-run (R24)',
      restricted({ enforcementMode: 'DRY_RUN', dryRunModeProductFilter: ['DBSQL'] }),
      { ...ENFORCED, DBSQL: 'dry-run' },
    ],
    [
      'puts model serving, its builds and its provisioned throughput in dry-run together (R25)',
      restricted({ enforcementMode: 'DRY_RUN', dryRunModeProductFilter: ['ML_SERVING'] }),
      { ...ENFORCED, ML_SERVING: 'dry-run', ML_BUILD: 'dry-run', PROVISIONED_THROUGHPUT: 'sealed-dry-run' },
    ],
    [
      'gives SQL functions the lane of their warehouse where the workspace allows it (R77)',
      restricted({ enforcementMode: 'DRY_RUN', dryRunModeProductFilter: ['DBSQL'] }, true),
      { ...ENFORCED, DBSQL: 'dry-run', SQL_UDF: 'dry-run' },
    ],
    [
      'enforces SQL functions with network access',
      restricted(undefined, true),
      { ...ENFORCED, SQL_UDF: 'enforced' },
    ],
    [
      'frees builds that are exempt (R75), in every mode',
      restricted({ enforcementMode: 'ENFORCED', mlBuildEnforcement: 'EXEMPT' }),
      { ...ENFORCED, ML_BUILD: 'full' },
    ],
    [
      'frees builds that are exempt, in dry-run too',
      restricted({ enforcementMode: 'DRY_RUN', mlBuildEnforcement: 'EXEMPT' }),
      { ...DRY_RUN, ML_BUILD: 'full' },
    ],
    [
      'gives everything full access under FULL_ACCESS (R7)',
      { ...enterprise, policy: readPolicy({ restrictionMode: 'FULL_ACCESS' }) },
      allOf('full'),
    ],
    [
      'gives full access under FULL_ACCESS, whatever the enforcement settings',
      {
        ...enterprise,
        policy: readPolicy({
          restrictionMode: 'FULL_ACCESS',
          policyEnforcement: { enforcementMode: 'DRY_RUN' },
        }),
      },
      allOf('full'),
    ],
    [
      'enforces where the policy is missing, and seals what is always sealed',
      { ...enterprise, policy: undefined },
      ENFORCED,
    ],
    [
      'enforces where the policy is missing and functions have network access',
      { ...enterprise, policy: undefined, udfNetworkAccess: true },
      { ...ENFORCED, SQL_UDF: 'enforced' },
    ],
  ])('%s', (_, settings, lanes) => {
    expect(lanesOf(settings)).toEqual(lanes);
  });

  it.each(['PIPELINES', 'JOBS', 'NOTEBOOKS', 'APPS', 'GENERAL'] as const)(
    'puts %s alone in dry-run where the filter names it',
    (product) => {
      const settings = restricted({ enforcementMode: 'DRY_RUN', dryRunModeProductFilter: [product] });
      expect(lanesOf(settings)).toEqual({ ...ENFORCED, [product]: 'dry-run' });
    },
  );

  it.each(TIERS.filter((tier) => tier !== 'ENTERPRISE'))(
    'applies no policy below ENTERPRISE: %s (R3, R31)',
    (tier) => {
      const settings = { ...restricted(), tier };
      expect(lanesOf(settings)).toEqual(allOf('full'));
      expect(lanesOf({ ...settings, policy: undefined })).toEqual(allOf('full'));
    },
  );
});
