// The certificate authority of one test control plane. In: what the API server is to be called, or a user with groups.
// Out: certificates as PEM, the server's one and those by which users sign in. Valid for a year.
import { webcrypto } from 'node:crypto';
import '../../../operator/lib/reflect-metadata.ts';

// Not a static import: jest loads CommonJS packages while linking, before reflect-metadata.ts has run.
const x509 = await import('@peculiar/x509');

export interface CertifiedKey {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface KubernetesUser {
  readonly user: string;
  readonly groups?: readonly string[];
}

export interface ClientAuthority {
  readonly caCertificate: string;
  signServer(): Promise<CertifiedKey>;
  signUser(user: KubernetesUser): Promise<CertifiedKey>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const CA_NAME = 'CN=Sallyport test control plane';
const HOUR_MS = 3_600_000;

export async function createClientAuthority(): Promise<ClientAuthority> {
  const keys = await generateKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: CA_NAME,
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  const sign = (subject: SubjectName, extension: X509Extension): Promise<CertifiedKey> =>
    signLeaf(keys.privateKey, subject, extension);
  return {
    caCertificate: ca.toString('pem'),
    signServer: () =>
      sign(
        [{ CN: ['kube-apiserver'] }],
        new x509.SubjectAlternativeNameExtension([
          { type: 'ip', value: '127.0.0.1' },
          { type: 'dns', value: 'localhost' },
        ]),
      ),
    // Kubernetes reads the user from the common name, and a group from each organization.
    signUser: ({ user, groups = [] }) =>
      sign(
        [...groups.map((group) => ({ O: [group] })), { CN: [user] }],
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      ),
  };
}

type SubjectName = Record<string, string[]>[];
type X509Extension = InstanceType<typeof x509.Extension>;

async function signLeaf(
  authorityKey: webcrypto.CryptoKey,
  subject: SubjectName,
  extension: X509Extension,
): Promise<CertifiedKey> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(),
    subject,
    issuer: CA_NAME,
    publicKey: keys.publicKey,
    signingKey: authorityKey,
    signingAlgorithm: ALGORITHM,
    extensions: [extension],
  });
  return { certificate: certificate.toString('pem'), key: await exportKeyPem(keys.privateKey) };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

// The beginning lies an hour back, for clients whose clock is a little behind.
function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + 365 * 24 * HOUR_MS) };
}

async function exportKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
