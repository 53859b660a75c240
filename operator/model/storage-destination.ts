// Buckets and accounts as typed objects (R14), and the host names that reach exactly one of them; storage-host.ts maps
// a host name to its bucket. Path-style hosts are never derived: the gateway cannot see the path inside a tunnel.
import { z } from 'zod';
import { CEL_RULES, PATTERN_HINT } from './kubernetes-object.ts';
import { AZURE_SERVICES } from './storage-host.ts';

export const STORAGE_TYPES = ['AWS_S3', 'AZURE_STORAGE', 'GOOGLE_CLOUD_STORAGE'] as const;

/** Fields that a destination of each type must have. */
const STORAGE_FIELDS = {
  AWS_S3: ['bucketName', 'region'],
  AZURE_STORAGE: ['azureStorageAccount', 'azureStorageService'],
  GOOGLE_CLOUD_STORAGE: ['bucketName'],
} as const;

const BUCKET_NAME = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
/** Lower case, so that two regions are the same exactly when their texts are. */
export const REGION_NAME = /^[a-z0-9-]+$/;
const AZURE_ACCOUNT = /^[a-z0-9]{3,24}$/;
const ACCOUNT_HINT = 'use 3 to 24 lower-case letters and digits, for example "acmedata"';
export const REGION_HINT = 'use lower-case letters, digits and hyphens, for example "us-west-2"';
const BUCKET_HINT = 'use 3 to 63 lower-case letters, digits and hyphens, for example "acme-data"';

export const storageDestinationSchema = z
  .strictObject({
    storageDestinationType: z.enum(STORAGE_TYPES).describe('Which kind of storage this is.'),
    bucketName: z
      .string()
      .min(3)
      .max(63)
      .regex(BUCKET_NAME, BUCKET_HINT)
      .meta({ [PATTERN_HINT]: BUCKET_HINT })
      .optional()
      .describe(
        'Name of the S3 or Google Cloud Storage bucket: lower-case letters, digits and hyphens, no dots.',
      ),
    region: z
      .string()
      .min(1)
      .max(32)
      .regex(REGION_NAME, REGION_HINT)
      .meta({ [PATTERN_HINT]: REGION_HINT })
      .optional()
      .describe('Region of the bucket, for example "us-west-2"; needed for S3, whose host names contain it.'),
    azureStorageAccount: z
      .string()
      .min(3)
      .max(24)
      .regex(AZURE_ACCOUNT, ACCOUNT_HINT)
      .meta({ [PATTERN_HINT]: ACCOUNT_HINT })
      .optional()
      .describe('Name of the Azure storage account.'),
    azureStorageService: z
      .enum(AZURE_SERVICES)
      .optional()
      .describe('Service of the Azure storage account; other services of it need entries of their own.'),
  })
  .superRefine((destination, context) => {
    const missing = missingFields(destination);
    for (const field of missing) {
      context.addIssue({
        code: 'custom',
        path: [field],
        message: needed(destination.storageDestinationType, [field]),
      });
    }
  })
  .meta({ [CEL_RULES]: STORAGE_TYPES.map(celRuleFor) });

export type StorageDestination = z.infer<typeof storageDestinationSchema>;

interface StorageFields {
  readonly storageDestinationType: (typeof STORAGE_TYPES)[number];
  readonly bucketName?: string | undefined;
  readonly region?: string | undefined;
  readonly azureStorageAccount?: string | undefined;
  readonly azureStorageService?: string | undefined;
}

/** The API server's part of the same check. */
function celRuleFor(type: (typeof STORAGE_TYPES)[number]): {
  readonly rule: string;
  readonly message: string;
} {
  const present = STORAGE_FIELDS[type].map((field) => `has(self.${field})`).join(' && ');
  const rule = `self.storageDestinationType != '${type}' || (${present})`;
  return { rule, message: needed(type, STORAGE_FIELDS[type]) };
}

function needed(type: string, fields: readonly string[]): string {
  const quoted = fields.map((field) => `"${field}"`).join(' and ');
  return `Cannot accept a destination of type ${type} without ${quoted}: add ${fields.length === 1 ? 'it' : 'both'}`;
}

function missingFields(destination: StorageFields): readonly string[] {
  return STORAGE_FIELDS[destination.storageDestinationType].filter(
    (field) => destination[field] === undefined,
  );
}

/** Every host name that reaches this bucket or account and no other, lower case. */
export function storageHosts(destination: StorageDestination): readonly string[] {
  const { bucketName = '', region = '', azureStorageAccount = '', azureStorageService = '' } = destination;
  switch (destination.storageDestinationType) {
    case 'AWS_S3':
      return s3Hosts(bucketName, region);
    case 'GOOGLE_CLOUD_STORAGE':
      return gcsHosts(bucketName, region);
    case 'AZURE_STORAGE':
      return azureHosts(azureStorageAccount, azureStorageService, region);
  }
}

function s3Hosts(bucket: string, region: string): readonly string[] {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const regional = ['s3', 's3.dualstack', 's3-fips', 's3-fips.dualstack'].map(
    (form) => `${bucket}.${form}.${region}.${domain}`,
  );
  // The bucket name is unique in the world, so the forms without a region reach the same bucket.
  const global = ['s3', 's3-accelerate', 's3-accelerate.dualstack'].map(
    (form) => `${bucket}.${form}.${domain}`,
  );
  return [...regional, `${bucket}.s3-${region}.${domain}`, ...global];
}

function gcsHosts(bucket: string, region: string): readonly string[] {
  const regional = region === '' ? [] : [`${bucket}.storage.${region}.rep.googleapis.com`];
  return [`${bucket}.storage.googleapis.com`, `${bucket}.commondatastorage.googleapis.com`, ...regional];
}

function azureHosts(account: string, service: string, region: string): readonly string[] {
  const domain = azureDomain(region);
  return [`${account}.${service}.${domain}`, `${account}-secondary.${service}.${domain}`];
}

function azureDomain(region: string): string {
  if (region.startsWith('usgov') || region.startsWith('usdod')) return 'core.usgovcloudapi.net';
  return region.startsWith('china') ? 'core.chinacloudapi.cn' : 'core.windows.net';
}
