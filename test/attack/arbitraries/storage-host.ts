// Hosts of object storage: a bucket or an account, a region, and where each provider puts them. "@B" stands for the
// bucket or account of a stranger, "@R" for a region.
import fc from 'fast-check';

/** A stranger's, in every form that some provider serves. */
const FORMS = [
  '@B.s3.@R.amazonaws.com',
  '@B.s3.amazonaws.com',
  '@B.s3-@R.amazonaws.com',
  '@B.s3.dualstack.@R.amazonaws.com',
  '@B.s3-fips.@R.amazonaws.com',
  '@B.s3-fips.dualstack.@R.amazonaws.com',
  '@B.s3-accelerate.amazonaws.com',
  '@B.s3-accelerate.dualstack.amazonaws.com',
  '@B.s3-website-@R.amazonaws.com',
  '@B.s3-website.@R.amazonaws.com',
  '@B.s3-accesspoint.@R.amazonaws.com',
  '@B.s3express-usw2-az1.@R.amazonaws.com',
  '@B.s3.@R.amazonaws.com.cn',
  's3.@R.amazonaws.com',
  's3.amazonaws.com',
  '@B.blob.core.windows.net',
  '@B.dfs.core.windows.net',
  '@B.file.core.windows.net',
  '@B.queue.core.windows.net',
  '@B.table.core.windows.net',
  '@B.z13.web.core.windows.net',
  '@B-secondary.blob.core.windows.net',
  '@B.z01.blob.storage.azure.net',
  '@B.blob.core.usgovcloudapi.net',
  '@B.blob.core.chinacloudapi.cn',
  '@B.storage.googleapis.com',
  '@B.commondatastorage.googleapis.com',
  'storage.googleapis.com',
  '@B.storage.@R.rep.googleapis.com',
  '@B.oss-@R.aliyuncs.com',
  '@B.cos.@R.myqcloud.com',
  '@B.@R.digitaloceanspaces.com',
  '@B.s3.@R.wasabisys.com',
  '@B.s3.@R.backblazeb2.com',
  '@B.r2.cloudflarestorage.com',
  '@B.s3.@R.cloud-object-storage.appdomain.cloud',
  '@B.@R.linodeobjects.com',
];

/** Of the same zones, and no storage. */
const SERVICES = [
  'sqs.@R.amazonaws.com',
  '@B.servicebus.windows.net',
  'bigquery.googleapis.com',
  'ecs.@R.aliyuncs.com',
];

const REGIONS = [
  'us-west-2',
  'eu-central-1',
  'westus',
  'us-central1',
  'cn-north-1',
  'cn-hangzhou',
  'nyc3',
  'us-west-004',
];
/** As the policy lists it. */
const OWN_BUCKET = 'acme-data';

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{1,20})[a-z0-9]$/);
const bucket = fc.oneof(
  { weight: 4, arbitrary: label },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      OWN_BUCKET,
      `${OWN_BUCKET}-`,
      `${OWN_BUCKET}.evil`,
      `evil.${OWN_BUCKET}`,
      `${OWN_BUCKET}x`,
    ),
  },
  { weight: 1, arbitrary: fc.tuple(label, label).map((labels) => labels.join('.')) },
);

export interface StorageHostCase {
  readonly form: string;
  readonly bucket: string;
  readonly region: string;
}

export const storageHost: fc.Arbitrary<StorageHostCase> = fc.record({
  form: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...FORMS) },
    { weight: 1, arbitrary: fc.constantFrom(...SERVICES) },
  ),
  bucket,
  region: fc.constantFrom(...REGIONS),
});

export function isService({ form }: StorageHostCase): boolean {
  return SERVICES.includes(form);
}

export function hostOf({ form, bucket: name, region }: StorageHostCase): string {
  return form.replace('@B', name).replace('@R', region);
}

/**
 * "*.amazonaws.com", "*.us-west-2.amazonaws.com", "*.s3.us-west-2.amazonaws.com": all that cover some of these hosts.
 */
export function coveringWildcards(): readonly string[] {
  const hosts = [...FORMS, ...SERVICES].flatMap((form) =>
    (form.includes('@R') ? REGIONS.slice(0, 3) : ['']).map((region) =>
      hostOf({ form, bucket: 'any', region }),
    ),
  );
  return [...new Set(hosts.flatMap((host) => suffixesOf(host)))];
}

function suffixesOf(host: string): readonly string[] {
  const labels = host.split('.');
  return labels.slice(1, -1).map((_, at) => `*.${labels.slice(at + 1).join('.')}`);
}
