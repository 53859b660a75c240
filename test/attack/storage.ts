// Buckets and accounts (group B): every host form of the one that is allowed, and none of any other.
import { type AttackCase, allowed, attack, denied, rejected } from './attack-case.ts';
import { everyWay } from './every-way.ts';
import { admission, connect } from './senders.ts';

const BUCKET_HOSTS: readonly (readonly [number: string, title: string, host: string, location: string])[] = [
  ['B102', 'another bucket', 'evil.s3.us-west-2.amazonaws.com', 's3://evil'],
  ['B105', 'another region', 'acme-data.s3.eu-west-1.amazonaws.com', 's3://acme-data'],
  ['B105', 'a bucket whose name begins alike', 'acme-data-2.s3.us-west-2.amazonaws.com', 's3://acme-data-2'],
  ['B105', 'a bucket whose name ends alike', 'x-acme-data.s3.us-west-2.amazonaws.com', 's3://x-acme-data'],
  ['B105', 'a bucket with a dot in front', 'x.acme-data.s3.us-west-2.amazonaws.com', 's3://x.acme-data'],
  ['B105', 'another bucket, dual-stack', 'evil.s3.dualstack.us-west-2.amazonaws.com', 's3://evil'],
  ['B105', 'another bucket, FIPS', 'evil.s3-fips.us-west-2.amazonaws.com', 's3://evil'],
  ['B105', 'another bucket, accelerated', 'evil.s3-accelerate.amazonaws.com', 's3://evil'],
  ['B105', 'another bucket, by the old form', 'evil.s3-us-west-2.amazonaws.com', 's3://evil'],
  ['B105', 'another bucket, without a region', 'evil.s3.amazonaws.com', 's3://evil'],
  ['B105', 'its website', 'acme-data.s3-website-us-west-2.amazonaws.com', 's3://acme-data'],
  [
    'B105',
    'its website, by the newer form',
    'acme-data.s3-website.us-west-2.amazonaws.com',
    's3://acme-data',
  ],
  ['B108', 'another bucket of Google', 'evil.storage.googleapis.com', 'gs://evil'],
  ['B108', 'another bucket of Google, by the old form', 'evil.commondatastorage.googleapis.com', 'gs://evil'],
  ['B107', 'another service of the account', 'acmelake.dfs.core.windows.net', 'azure://acmelake/dfs'],
  ['B107', 'a third service of the account', 'acmelake.table.core.windows.net', 'azure://acmelake/table'],
  ['B107', 'another account', 'evil.blob.core.windows.net', 'azure://evil/blob'],
  ['B107', 'the account in another cloud', 'acmelake.blob.core.chinacloudapi.cn', 'azure://acmelake/blob'],
];

const DENIED: readonly AttackCase[] = BUCKET_HOSTS.map(([number, title, host, location]) =>
  attack(
    number,
    title,
    connect(`${host}:443`),
    denied('BUCKET_NOT_ALLOWED', {
      destination: host,
      destinationType: 'STORAGE',
      port: 443,
      storageEvent: { hostname: location, path: null, rejectionReason: 'storage-bucket-denied' },
    }),
  ),
);

const PATH_STYLE: readonly AttackCase[] = [
  's3.us-west-2.amazonaws.com',
  's3.amazonaws.com',
  's3.dualstack.us-west-2.amazonaws.com',
  's3-us-west-2.amazonaws.com',
  's3-fips.us-west-2.amazonaws.com',
  'storage.googleapis.com',
  'commondatastorage.googleapis.com',
].map((host) =>
  attack(
    host.includes('google') ? 'B108b' : 'B103',
    `path style, ${host}`,
    connect(`${host}:443`),
    denied('STORAGE_PATH_STYLE', {
      destination: host,
      destinationType: 'STORAGE',
      port: 443,
      storageEvent: { hostname: host, path: null, rejectionReason: 'storage-bucket-path-denied' },
    }),
  ),
);

const ALLOWED: readonly AttackCase[] = [
  ['B102b', 'acme-data.s3.us-west-2.amazonaws.com'],
  ['B108c', 'acme-exports.storage.googleapis.com'],
  ['B107b', 'acmelake.blob.core.windows.net'],
].flatMap(([number = '', host = '']) =>
  everyWay({ number, title: host, host, reaches: host }, ['CONNECT', 'SNI']),
);

/** Other names of the very same bucket; one server stands for all of them. */
const SAME_BUCKET: readonly AttackCase[] = [
  'acme-data.s3.dualstack.us-west-2.amazonaws.com',
  'acme-data.s3-fips.us-west-2.amazonaws.com',
  'acme-data.s3-fips.dualstack.us-west-2.amazonaws.com',
  'acme-data.s3-us-west-2.amazonaws.com',
  'acme-data.s3.amazonaws.com',
  'acme-data.s3-accelerate.amazonaws.com',
  'ACME-data.s3.us-west-2.amazonaws.com.',
  'acme-exports.commondatastorage.googleapis.com',
  'acmelake-secondary.blob.core.windows.net',
].map((host) => {
  const name = host.toLowerCase().replace(/\.$/, '');
  const reaches = name === 'acme-data.s3.us-west-2.amazonaws.com' ? name : 'elsewhere.example.net';
  return attack('B105c', `the same bucket, ${host}`, connect(`${host}:443`), {
    ...allowed(reaches),
    asks: [name],
  });
});

const LOOK_ALIKES: readonly AttackCase[] = [
  ...everyWay({
    number: 'B104',
    title: 'a name that begins like a bucket',
    host: 'acme-data.s3.us-west-2.amazonaws.com.evil.net',
    reason: 'DESTINATION_NOT_ALLOWED',
  }),
  ...everyWay({
    number: 'B104b',
    title: 'an ending like the provider',
    host: 'acme-data.s3.us-west-2.amazonaws.com.example.net',
    reason: 'DESTINATION_NOT_ALLOWED',
  }),
  ...everyWay(
    {
      number: 'B105d',
      title: 'an access point',
      host: 'ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com',
      reason: 'BUCKET_NOT_ALLOWED',
    },
    ['CONNECT', 'SNI'],
  ),
  ...everyWay({
    number: 'B107c',
    title: 'the website of the account',
    host: 'acmelake.z13.web.core.windows.net',
    reason: 'BUCKET_NOT_ALLOWED',
  }),
  attack(
    'B102c',
    'the bucket over plain HTTP',
    connect('acme-data.s3.us-west-2.amazonaws.com:80'),
    denied('PORT_NOT_ALLOWED', {
      destination: 'acme-data.s3.us-west-2.amazonaws.com',
      destinationType: 'STORAGE',
      port: 80,
    }),
  ),
];

const ADMISSION: readonly AttackCase[] = [
  ...[
    'a.b',
    'Acme',
    'ab',
    'a'.repeat(64),
    '-acme',
    'acme-',
    'acme_data',
    '',
    '*',
    'acme/../evil',
    'acme.',
    'äcme',
  ].map((bucketName) =>
    attack(
      'B106',
      `bucket ${JSON.stringify(bucketName.slice(0, 20))}`,
      admission(
        {
          allowedStorageDestinations: [{ storageDestinationType: 'AWS_S3', bucketName, region: 'us-west-2' }],
        },
        bucketName,
      ),
      rejected('bucketName'),
    ),
  ),
  ...['us-west-2.evil.net', 'US-WEST-2', '', '*'].map((region) =>
    attack(
      'B106b',
      `region ${JSON.stringify(region)}`,
      admission(
        { allowedStorageDestinations: [{ storageDestinationType: 'AWS_S3', bucketName: 'acme', region }] },
        region,
      ),
      rejected('region'),
    ),
  ),
  ...['ab', 'Acme', 'ac-me', 'a'.repeat(25), 'acme.evil'].map((azureStorageAccount) =>
    attack(
      'B106c',
      `account ${JSON.stringify(azureStorageAccount)}`,
      admission(
        {
          allowedStorageDestinations: [
            { storageDestinationType: 'AZURE_STORAGE', azureStorageAccount, azureStorageService: 'blob' },
          ],
        },
        azureStorageAccount,
      ),
      rejected('azureStorageAccount'),
    ),
  ),
];

export const STORAGE: readonly AttackCase[] = [
  ...ALLOWED,
  ...SAME_BUCKET,
  ...DENIED,
  ...PATH_STYLE,
  ...LOOK_ALIKES,
  ...ADMISSION,
];
