// The questions that the quickstart asks as workloads of examples/acme, and what should happen to each.
import type { Product } from '../../operator/model/product.ts';
import type { Reason } from '../../operator/model/reason.ts';

export interface Question {
  readonly workspace: string;
  readonly product: Product;
  /** URL, or "CONNECT host:port". */
  readonly asks: string;
  /** Server name to say inside the tunnel instead of the host. */
  readonly sni?: string;
  readonly expect: 'allowed' | 'denied' | 'dry-run';
  /** For `denied` and `dry-run`. */
  readonly reason?: Reason;
  /** What is remarkable about it, for the table. */
  readonly note: string;
}

const TRACKER = 'https://tracker.ads.example/';

export const QUESTIONS: readonly Question[] = [
  {
    workspace: 'fraud-models',
    product: 'ML_SERVING',
    asks: 'https://packages.example/',
    expect: 'allowed',
    note: 'listed, through CONNECT',
  },
  {
    workspace: 'fraud-models',
    product: 'ML_SERVING',
    asks: TRACKER,
    expect: 'denied',
    reason: 'DESTINATION_NOT_ALLOWED',
    note: 'not listed',
  },
  {
    workspace: 'fraud-models',
    product: 'ML_SERVING',
    asks: 'https://packages.example/',
    sni: 'tracker.ads.example',
    expect: 'denied',
    reason: 'SNI_MISMATCH',
    note: 'allowed CONNECT, another TLS server name inside',
  },
  {
    workspace: 'fraud-models',
    product: 'JOBS',
    asks: 'http://packages.example/',
    expect: 'allowed',
    note: 'plain HTTP',
  },
  {
    workspace: 'fraud-models',
    product: 'JOBS',
    asks: 'http://tracker.ads.example/',
    expect: 'denied',
    reason: 'DESTINATION_NOT_ALLOWED',
    note: 'plain HTTP',
  },
  {
    workspace: 'fraud-models',
    product: 'JOBS',
    asks: 'CONNECT packages.example:22',
    expect: 'denied',
    reason: 'PORT_NOT_ALLOWED',
    note: 'port 22 is not listed for this name',
  },
  {
    workspace: 'fraud-models',
    product: 'JOBS',
    asks: 'CONNECT git.acme.example:22',
    expect: 'allowed',
    note: 'port 22 is listed here, any bytes',
  },
  {
    workspace: 'fraud-models',
    product: 'NOTEBOOKS',
    asks: 'https://upload.models.example/',
    expect: 'denied',
    reason: 'DESTINATION_BLOCKED',
    note: '*.models.example is allowed, but blocked entries win',
  },
  {
    workspace: 'analytics',
    product: 'DBSQL',
    asks: TRACKER,
    expect: 'dry-run',
    reason: 'DESTINATION_NOT_ALLOWED',
    note: 'SQL warehouses are in dry-run: passes, and is logged',
  },
  {
    workspace: 'analytics',
    product: 'ML_SERVING',
    asks: TRACKER,
    expect: 'denied',
    reason: 'DESTINATION_NOT_ALLOWED',
    note: 'the same host: model serving is enforced',
  },
  {
    workspace: 'analytics',
    product: 'EXTERNAL_MODELS',
    asks: 'https://llm.vendor.example/',
    expect: 'denied',
    reason: 'DESTINATION_NOT_ALLOWED',
    note: 'external models stay enforced in every dry-run',
  },
  {
    workspace: 'fraud-models',
    product: 'PROVISIONED_THROUGHPUT',
    asks: 'https://packages.example/',
    expect: 'denied',
    reason: 'INTERNET_SEALED',
    note: 'provisioned throughput has no internet at all',
  },
  {
    workspace: 'fraud-models',
    product: 'PROVISIONED_THROUGHPUT',
    asks: 'https://acme-models.s3.us-west-2.amazonaws.com/',
    expect: 'allowed',
    note: 'but its storage stays',
  },
  {
    workspace: 'analytics',
    product: 'PIPELINES',
    asks: 'https://acme-lake.s3.us-west-2.amazonaws.com/',
    expect: 'allowed',
    note: "external location in the metastore's region",
  },
  {
    workspace: 'analytics',
    product: 'PIPELINES',
    asks: 'https://acme-archive.s3.eu-west-1.amazonaws.com/',
    expect: 'denied',
    reason: 'BUCKET_NOT_ALLOWED',
    note: 'external location in another region',
  },
  {
    workspace: 'fraud-models',
    product: 'ML_SERVING',
    asks: 'https://features.corp.acme.example/',
    expect: 'allowed',
    note: 'behind a private endpoint',
  },
  {
    workspace: 'sandbox',
    product: 'NOTEBOOKS',
    asks: 'https://packages.example/',
    expect: 'allowed',
    note: 'no assignment: the default policy',
  },
  {
    workspace: 'sandbox',
    product: 'NOTEBOOKS',
    asks: 'https://weights.models.example/',
    expect: 'denied',
    reason: 'DESTINATION_NOT_ALLOWED',
    note: 'the default policy does not list it',
  },
];

/** Names that the stand-in outside servers have. */
export const OUTSIDE_NAMES: readonly string[] = [
  'packages.example',
  'files.packages.example',
  'tracker.ads.example',
  'git.acme.example',
  'weights.models.example',
  'upload.models.example',
  'llm.vendor.example',
  'api.partner.example',
  'crm.acme.example',
  'features.corp.acme.example',
  'acme-models.s3.us-west-2.amazonaws.com',
  'acme-lake.s3.us-west-2.amazonaws.com',
  'acme-archive.s3.eu-west-1.amazonaws.com',
];
