import fc from 'fast-check';
import {
  BUCKET_HOST_PATTERN,
  isAboveStorage,
  PATH_STYLE_HOST_PATTERN,
  parseStorageHost,
  STORAGE_DOMAINS,
} from './storage-host.ts';

describe('parseStorageHost()', () => {
  it.each([
    ['evil.s3.us-west-2.amazonaws.com', 's3://evil'],
    ['my.old.bucket.s3.amazonaws.com', 's3://my.old.bucket'],
    ['acme_ml_data.s3.us-west-2.amazonaws.com', 's3://acme_ml_data'],
    [
      'acme-data--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com',
      's3://acme-data--usw2-az1--x-s3',
    ],
    ['acme-ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com', 's3://acme-ap-123456789012'],
    ['acme-data.bucket.vpce-0a1b2c3d4e5f.s3.us-west-2.vpce.amazonaws.com', 's3://acme-data'],
    ['acme-data.s3.us-west-2.api.aws', 's3://acme-data'],
    ['evil.s3.cn-north-1.amazonaws.com.cn', 's3://evil'],
    ['evil.storage.googleapis.com', 'gs://evil'],
    ['evil.storage-acme.p.googleapis.com', 'gs://evil'],
    ['acct.blob.core.windows.net', 'azure://acct/blob'],
    ['acct-secondary.dfs.core.windows.net', 'azure://acct/dfs'],
    ['acct.z13.blob.storage.azure.net', 'azure://acct/blob'],
    ['acct.z13.web.core.windows.net', 'azure://acct/web'],
    ['acct.privatelink.blob.core.windows.net', 'azure://acct/blob'],
    ['evil.oss-cn-hangzhou.aliyuncs.com', 'evil.oss-cn-hangzhou.aliyuncs.com'],
    ['evil.nyc3.digitaloceanspaces.com', 'evil.nyc3.digitaloceanspaces.com'],
    ['evil-125000.cos.ap-guangzhou.myqcloud.com', 'evil-125000.cos.ap-guangzhou.myqcloud.com'],
    ['s3.us-west-2.amazonaws.com', null],
    ['s3.amazonaws.com', null],
    ['s3-us-west-2.amazonaws.com', null],
    ['storage.googleapis.com', null],
    ['storage-download.googleapis.com', null],
    ['storage.mtls.googleapis.com', null],
    ['www.googleapis.com', null],
    ['oss-cn-hangzhou.aliyuncs.com', null],
    ['objectstorage.us-ashburn-1.oraclecloud.com', null],
    ['onelake.dfs.fabric.microsoft.com', null],
  ])('finds in %s the place %s', (host, location) => {
    expect(parseStorageHost(host)).toEqual({ location });
  });

  it.each([
    'example.com',
    'amazonaws.com',
    'ec2.us-west-2.amazonaws.com',
    's3.us-west-2.amazonaws.com.evil.example',
    'evil-s3.us-west-2.amazonaws.com',
    'blob.core.windows.net',
    'evil.blob.core.windows.network',
    'notcore.windows.net',
    'googleapis.com',
    'storagetransfer.googleapis.com',
    'pubsub.googleapis.com',
    'ecs.aliyuncs.com',
    'iaas.us-ashburn-1.oraclecloud.com',
    'evilwasabisys.com',
    'wasabisys.com',
  ])('finds no storage in %s', (host) => {
    expect(parseStorageHost(host)).toBeUndefined();
  });

  it('finds storage only under the domains of storage, and they are all that a wildcard must be checked for', () => {
    const label = fc.constantFrom(
      's3',
      'blob',
      'storage',
      'oss',
      'obs',
      'x',
      'us-west-2',
      'vpce',
      'web',
      'rep',
    );
    const hosts = fc
      .tuple(fc.array(label, { maxLength: 4 }), fc.constantFrom(...STORAGE_DOMAINS, 'example.com'))
      .map(([front, domain]) => [...front, domain].join('.'));
    fc.assert(
      fc.property(hosts, fc.nat(7), (host, from) => {
        const above = host
          .split('.')
          .slice(from + 1)
          .join('.');
        fc.pre(above !== '' && parseStorageHost(host) !== undefined);
        expect(isAboveStorage(above)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

it.each([BUCKET_HOST_PATTERN, PATH_STYLE_HOST_PATTERN])(
  'no pattern has a group that captures, or a form that RE2 does not know: %s',
  (pattern) => {
    expect(pattern).not.toMatch(/\((?!\?:)|\\[1-9]/);
  },
);
