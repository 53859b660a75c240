// A certificate authority for the stand-in outside servers: made in memory at start, valid for a day. In: host names or
// addresses, as a ClientHello names them. Out: certificates signed by the authority, made on first use. Its private
// keys never leave the process; only the CA certificate is handed out, as PEM.
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import '../../operator/lib/reflect-metadata.ts';

// Not a static import: jest loads CommonJS packages while linking, before reflect-metadata.ts has run.
const x509 = await import('@peculiar/x509');

export interface CertificateAuthority {
  /** For `curl --cacert`, NODE_EXTRA_CA_CERTS or `ask({ca})`. */
  readonly caPem: string;
  /** Certificate of one host name or IP address; the same promise for the same name in any spelling of case. */
  leafFor(name: string): Promise<Leaf>;
}

export interface Leaf {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
  /** Both, ready for `SNICallback`. */
  readonly context: SecureContext;
}

type KeyPair = webcrypto.CryptoKeyPair;

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const CA_NAME = 'CN=Stand-in outside servers';
const HOUR_MS = 3_600_000;

export async function createCertificateAuthority(): Promise<CertificateAuthority> {
  const keys = await generateKeys();
  const caPem = await signAuthority(keys);
  const leaves = new Map<string, Promise<Leaf>>();
  return {
    caPem,
    leafFor(name) {
      const lowerCase = name.toLowerCase();
      const leaf = leaves.get(lowerCase) ?? signLeaf(lowerCase, keys);
      leaves.set(lowerCase, leaf);
      return leaf;
    },
  };
}

async function generateKeys(): Promise<KeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

// The beginning lies an hour back, for clients whose clock is a little behind.
function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + 24 * HOUR_MS) };
}

async function signAuthority(keys: KeyPair): Promise<string> {
  const usages = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: CA_NAME,
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(usages, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return certificate.toString('pem');
}

async function signLeaf(name: string, authority: KeyPair): Promise<Leaf> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(),
    // The subject stays empty: names longer than 64 characters do not fit there, and clients read the alternative name.
    issuer: CA_NAME,
    publicKey: keys.publicKey,
    signingKey: authority.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.SubjectAlternativeNameExtension(
        [{ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }],
        true,
      ),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  const pair = { cert: certificate.toString('pem'), key: await exportKeyPem(keys.privateKey) };
  return { ...pair, context: createSecureContext(pair) };
}

async function exportKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
