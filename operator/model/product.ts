// The products that a workload can belong to, and what each means in the log and under a policy.
// One table for compile, admission, log and documentation (DESIGN 3, second table).

export const PRODUCTS = [
  'DBSQL',
  'SQL_UDF',
  'ML_SERVING',
  'ML_BUILD',
  'EXTERNAL_MODELS',
  'PROVISIONED_THROUGHPUT',
  'PIPELINES',
  'JOBS',
  'NOTEBOOKS',
  'APPS',
  'GENERAL',
] as const;

export type Product = (typeof PRODUCTS)[number];

export const NETWORK_SOURCE_TYPES = [
  'DBSQL',
  'General Compute',
  'MLServing',
  'ML Build',
  'Apps',
  'DLT',
] as const;

export type NetworkSourceType = (typeof NETWORK_SOURCE_TYPES)[number];

/** The `network_source_type` column of the denial log (requirements 2.3). */
export const NETWORK_SOURCE_TYPE: Readonly<Record<Product, NetworkSourceType>> = {
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
};

/** Values of `dryRunModeProductFilter`: Databricks' own two, then our extension. */
export const DRY_RUN_PRODUCTS = [
  'DBSQL',
  'ML_SERVING',
  'PIPELINES',
  'JOBS',
  'NOTEBOOKS',
  'APPS',
  'GENERAL',
] as const;

export type DryRunProduct = (typeof DRY_RUN_PRODUCTS)[number];

/** Ways through the gateway; `full` means no gateway (DESIGN 2.6). */
export const LANES = ['full', 'dry-run', 'sealed-dry-run', 'enforced', 'sealed'] as const;

export type Lane = (typeof LANES)[number];

/** Lanes that record what they would have refused, and refuse nothing. */
export function isDryRun(lane: Lane): boolean {
  return lane === 'dry-run' || lane === 'sealed-dry-run';
}

/** Lanes without internet destinations: storage and private ones stay (R13). */
export function isSealed(lane: Lane): boolean {
  return lane === 'sealed' || lane === 'sealed-dry-run';
}

export function isKnownLane(lane: string): lane is Lane {
  return LANES.some((known) => known === lane);
}

/** Lanes through a gateway; whatever is no lane is none of them. */
export function leadsThroughGateway(lane: string): lane is Exclude<Lane, 'full'> {
  return lane !== 'full' && isKnownLane(lane);
}

/** Lanes from which nothing is kept back: pods in all others, and in none that is known, are isolated. */
export const OPEN_LANES = ['full', 'dry-run', 'sealed-dry-run'] as const satisfies readonly Lane[];
