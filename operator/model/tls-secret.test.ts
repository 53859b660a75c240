import { createCertificateAuthority } from '../../test/outside/certificates.ts';
import { parseObject } from './parse-object.ts';

const { cert, key } = await (await createCertificateAuthority()).leafFor('app.example.com');
const { key: otherKey } = await (await createCertificateAuthority()).leafFor('app.example.com');
const ENCRYPTED = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n';

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function secret(fields: object, namespace: string | undefined = 'analytics'): unknown {
  const metadata = { name: 'cert', ...(namespace === undefined ? {} : { namespace }) };
  return { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata, ...fields };
}

test.each([
  ['data', { data: { 'tls.crt': base64(cert), 'tls.key': base64(key) } }],
  ['stringData', { stringData: { 'tls.crt': cert, 'tls.key': key } }],
  [
    'both, of which stringData wins',
    { data: { 'tls.crt': 'x', 'tls.key': base64(key) }, stringData: { 'tls.crt': cert } },
  ],
  [
    'lines in base64',
    { data: { 'tls.crt': base64(cert).replace(/.{64}/g, '$&\n'), 'tls.key': base64(key) } },
  ],
])('a certificate in %s is read', (_, fields) => {
  expect(parseObject(secret(fields))).toMatchObject({
    status: 'parsed',
    object: { kind: 'Secret', certificate: { certificateChain: cert, privateKey: key } },
  });
});

test.each([
  ['is missing', { data: { 'tls.crt': base64(cert) } }, 'data', /"tls.key" is missing/],
  [
    'is no base64',
    { data: { 'tls.crt': base64(cert), 'tls.key': `${key}` } },
    'data.tls.key',
    /is not base64/,
  ],
  ['is no text', { data: { 'tls.crt': 7, 'tls.key': base64(key) } }, 'data', /must be text/],
  [
    'is of another certificate',
    { stringData: { 'tls.crt': cert, 'tls.key': otherKey } },
    'data',
    /is not the key/,
  ],
  ['has a password', { stringData: { 'tls.crt': cert, 'tls.key': ENCRYPTED } }, 'data', /without a password/],
  [
    'is there without a certificate',
    { stringData: { 'tls.crt': key, 'tls.key': key } },
    'data',
    /no PEM certificate/,
  ],
])('a key that %s is a Problem, which quotes nothing of it', (_, fields, field, message) => {
  const parsed = parseObject(secret(fields));
  expect(parsed).toMatchObject({
    status: 'unreadable',
    key: { kind: 'Secret', name: 'cert', namespace: 'analytics' },
    problems: [{ object: 'Secret/analytics/cert', field, message: expect.stringMatching(message) }],
  });
  for (const text of [key, otherKey]) {
    expect(JSON.stringify(parsed)).not.toContain(text.split('\n')[1]);
    expect(JSON.stringify(parsed)).not.toContain(base64(text).slice(40, 80));
  }
});

test('a Secret of another type, or of another group, is none of our business', () => {
  expect(parseObject({ ...(secret({}) as object), type: 'Opaque' })).toEqual({ status: 'foreign' });
  expect(parseObject({ ...(secret({}) as object), type: undefined })).toEqual({ status: 'foreign' });
  expect(parseObject({ ...(secret({}) as object), apiVersion: 'example.com/v1' })).toEqual({
    status: 'foreign',
  });
});
