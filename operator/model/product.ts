// The products that a workload can belong to, and what each means in the log and under a policy.
// One table for compile, admission, log and documentation.
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

/** The `network_source_type` column of the denial log . */
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
