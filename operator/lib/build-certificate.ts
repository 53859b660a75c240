// The work of issue-certificate.ts, which loads this file once what @peculiar/x509 needs is there.
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

export interface IssuedCertificate {
  /** All PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

export interface CertificateWish {
  /** Names of the server. */
  readonly names: readonly string[];
  readonly lifeMs: number;
  readonly nowMs: number;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** For clients whose clock is behind. */
const BACK_MS = 3_600_000;

export async function buildCertificate({
  names,
  lifeMs,
  nowMs,
}: CertificateWish): Promise<IssuedCertificate> {
  const generate = () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const [authorityKeys, keys] = await Promise.all([generate(), generate()]);
  const dates = { notBefore: new Date(nowMs - BACK_MS), notAfter: new Date(nowMs + lifeMs) };
  // No two authorities have one name, or a client with both would try only one of them.
  const issuer = `CN=Authority of ${names[0]} ${new Date(nowMs).toISOString()}`;
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    ...dates,
    name: issuer,
    keys: authorityKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const certificate = await x509.X509CertificateGenerator.create({
    ...dates,
    subject: '',
    issuer,
    publicKey: keys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      // Critical, since the subject is empty.
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: 'dns' as const, value })),
        true,
      ),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: certificate.toString('pem'),
    key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    authority: authority.toString('pem'),
  };
}
