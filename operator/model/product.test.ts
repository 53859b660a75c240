import { isDryRun, isSealed, LANES } from './lane.ts';
import { DRY_RUN_PRODUCTS, NETWORK_SOURCE_TYPE, NETWORK_SOURCE_TYPES, PRODUCTS } from './product.ts';

describe('NETWORK_SOURCE_TYPE', () => {
  it('is the second column of the product table', () => {
    expect(NETWORK_SOURCE_TYPE).toEqual({
      DBSQL: 'DBSQL',
      SQL_UDF: 'DBSQL',
      ML_SERVING: 'MLServing',
      ML_BUILD: 'ML Build',
      EXTERNAL_MODELS: 'MLServing',
      PROVISIONED_THROUGHPUT: 'MLServing',
      PIPELINES: 'DLT',
      JOBS: 'General Compute',
      NOTEBOOKS: 'General Compute',
      APPS: 'Apps',
      GENERAL: 'General Compute',
    });
    expect(new Set(Object.values(NETWORK_SOURCE_TYPE))).toEqual(new Set(NETWORK_SOURCE_TYPES));
  });
});

describe('DRY_RUN_PRODUCTS', () => {
  it('are products that exist', () => {
    expect(PRODUCTS).toEqual(expect.arrayContaining([...DRY_RUN_PRODUCTS]));
  });
});

describe('lanes', () => {
  it.each(LANES.map((lane) => [lane, lane.includes('dry-run'), lane.startsWith('sealed')] as const))(
    '%s: dry-run %s, sealed %s',
    (lane, dryRun, sealed) => {
      expect([isDryRun(lane), isSealed(lane)]).toEqual([dryRun, sealed]);
    },
  );
});
