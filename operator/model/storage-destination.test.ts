import { type StorageDestination, storageDestinationSchema, storageHosts } from './storage-destination.ts';
import { parseStorageHost } from './storage-host.ts';

function s3(bucketName: string, region: string): StorageDestination {
  return { storageDestinationType: 'AWS_S3', bucketName, region };
}

function azure(
  azureStorageAccount: string,
  azureStorageService: 'blob' | 'dfs',
  region?: string,
): StorageDestination {
  const place = region === undefined ? {} : { region };
  return { storageDestinationType: 'AZURE_STORAGE', azureStorageAccount, azureStorageService, ...place };
}

function gcs(bucketName: string): StorageDestination {
  return { storageDestinationType: 'GOOGLE_CLOUD_STORAGE', bucketName };
}

describe('storageHosts()', () => {
  it.each([
    'acme-data.s3.us-west-2.amazonaws.com',
    'acme-data.s3.dualstack.us-west-2.amazonaws.com',
    'acme-data.s3-fips.us-west-2.amazonaws.com',
    'acme-data.s3-fips.dualstack.us-west-2.amazonaws.com',
    'acme-data.s3-us-west-2.amazonaws.com',
    'acme-data.s3.amazonaws.com',
    'acme-data.s3-accelerate.amazonaws.com',
    'acme-data.s3-accelerate.dualstack.amazonaws.com',
  ])('gives S3 bucket acme-data in us-west-2 the host %s', (host) => {
    expect(storageHosts(s3('acme-data', 'us-west-2'))).toContain(host);
  });

  it.each([
    'evil.s3.us-west-2.amazonaws.com',
    'evil.acme-data.s3.us-west-2.amazonaws.com',
    'acme-data.s3.us-east-1.amazonaws.com',
    'acme-data.s3-us-east-1.amazonaws.com',
    'acme-data.s3-website-us-west-2.amazonaws.com',
    'acme-data.s3-website.us-west-2.amazonaws.com',
    'acme-data-123456789012.s3-accesspoint.us-west-2.amazonaws.com',
    's3.us-west-2.amazonaws.com',
    's3.amazonaws.com',
    'acme-data.s3.us-west-2.amazonaws.com.cn',
  ])('does not give it the host %s', (host) => {
    expect(storageHosts(s3('acme-data', 'us-west-2'))).not.toContain(host);
  });

  it('gives a bucket in China the domain of China', () => {
    const hosts = storageHosts(s3('acme-data', 'cn-north-1'));
    expect(hosts).toContain('acme-data.s3.cn-north-1.amazonaws.com.cn');
    expect(hosts.filter((host) => host.endsWith('.com'))).toEqual([]);
  });

  it('gives an Azure account the hosts of its one service', () => {
    expect(storageHosts(azure('acct', 'blob'))).toEqual([
      'acct.blob.core.windows.net',
      'acct-secondary.blob.core.windows.net',
    ]);
  });

  it.each([
    ['usgovvirginia', 'acct.dfs.core.usgovcloudapi.net'],
    ['chinanorth3', 'acct.dfs.core.chinacloudapi.cn'],
  ])('gives an Azure account in %s the host %s', (region, host) => {
    expect(storageHosts(azure('acct', 'dfs', region))).toContain(host);
  });

  it('gives a Google bucket its virtual-hosted names, and the regional one where the region is known', () => {
    expect(storageHosts(gcs('acme-data'))).toEqual([
      'acme-data.storage.googleapis.com',
      'acme-data.commondatastorage.googleapis.com',
    ]);
    expect(storageHosts({ ...gcs('acme-data'), region: 'europe-west3' })).toContain(
      'acme-data.storage.europe-west3.rep.googleapis.com',
    );
  });

  it.each([
    ['s3://acme-data', s3('acme-data', 'us-west-2')],
    ['s3://acme-data', s3('acme-data', 'cn-north-1')],
    ['azure://acct/dfs', azure('acct', 'dfs')],
    ['gs://acme-data', gcs('acme-data')],
  ])('gives hosts that lead back to %s', (location, destination) => {
    const locations = storageHosts(destination).map((host) => parseStorageHost(host)?.location);
    expect(new Set(locations)).toEqual(new Set([location]));
  });
});

describe('storageDestinationSchema', () => {
  it.each([
    { storageDestinationType: 'AWS_S3', bucketName: 'acme-data', region: 'us-west-2' },
    { storageDestinationType: 'AWS_S3', bucketName: 'a1b', region: 'us-west-2' },
    { storageDestinationType: 'AWS_S3', bucketName: 'a'.repeat(63), region: 'us-west-2' },
    { storageDestinationType: 'GOOGLE_CLOUD_STORAGE', bucketName: 'acme-data' },
    { storageDestinationType: 'AZURE_STORAGE', azureStorageAccount: 'acct', azureStorageService: 'blob' },
  ])('accepts %j', (destination) => {
    expect(storageDestinationSchema.safeParse(destination).success).toBe(true);
  });

  it.each(['ab', 'a'.repeat(64), 'Acme', 'acme.data', 'acme_data', '-acme', 'acme-', '', 'acme/data'])(
    'rejects the bucket name %j',
    (bucketName) => {
      expect(storageDestinationSchema.safeParse(s3(bucketName, 'us-west-2')).success).toBe(false);
    },
  );

  it.each([
    ['AWS_S3', ['bucketName', 'region']],
    ['AZURE_STORAGE', ['azureStorageAccount', 'azureStorageService']],
    ['GOOGLE_CLOUD_STORAGE', ['bucketName']],
  ])('asks for the fields of %s: %j', (type, fields) => {
    const { error } = storageDestinationSchema.safeParse({ storageDestinationType: type });
    expect(error?.issues.map(({ path, message }) => [path[0], message])).toEqual(
      fields.map((field) => [
        field,
        `Cannot accept a destination of type ${type} without "${field}": add it`,
      ]),
    );
  });
});
