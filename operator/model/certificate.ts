// A certificate of a kubernetes.io/tls Secret, and whether Envoy can use it: one that it rejects would hold back the
// listener of all workspaces.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { memoize } from '../lib/memo.ts';

/** PEM. */
export interface Certificate {
  /** The server's own certificate first. */
  readonly certificateChain: string;
  readonly privateKey: string;
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const LEAST_RSA_BITS = 2048;
const CURVES: readonly unknown[] = ['prime256v1', 'secp384r1', 'secp521r1'];

/** Why a certificate cannot be used, as the end of a sentence; undefined where it can. */
export const certificateProblem = memoize((certificate: Certificate): string | undefined => {
  const chain = attempt(() => parseChain(certificate.certificateChain));
  const [own] = chain ?? [];
  if (own === undefined)
    return '"tls.crt" holds no PEM certificate: store the certificate, and its chain behind it';
  const key = attempt(() => createPrivateKey(certificate.privateKey));
  if (key === undefined)
    return '"tls.key" holds no PEM private key without a password: store the key of the certificate';
  if (!isSupported(key))
    return '"tls.key" has an unsupported kind: use RSA with 2048 bits or more, or ECDSA with P-256';
  if (!own.checkPrivateKey(key))
    return '"tls.key" is not the key of the first certificate in "tls.crt": store the two together';
  return undefined;
});

/** Hosts that the certificate is not for. */
export function hostsWithoutCertificate(
  { certificateChain }: Certificate,
  hosts: readonly string[],
): readonly string[] {
  const [own] = attempt(() => parseChain(certificateChain)) ?? [];
  return hosts.filter((host) => own?.checkHost(host) === undefined);
}

function parseChain(pem: string): readonly X509Certificate[] {
  return (pem.match(BLOCK) ?? []).map((block) => new X509Certificate(block));
}

function isSupported({ asymmetricKeyType: kind, asymmetricKeyDetails: details }: KeyObject): boolean {
  if (kind === 'rsa') return (details?.modulusLength ?? 0) >= LEAST_RSA_BITS;
  return kind === 'ec' && CURVES.includes(details?.namedCurve);
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
