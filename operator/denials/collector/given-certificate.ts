// A certificate that somebody else makes and renews, cert-manager for example: files of a directory, which the kubelet keeps
// current -> what the server shows. Files that cannot be used are said, and never shown to anybody.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IssuedCertificate } from '../../lib/build-certificate.ts';
import { parseTlsSecret } from '../../model/tls-secret.ts';

export interface GivenCertificate {
  /** With "tls.crt", "tls.key" and "ca.crt". */
  readonly directory: string;
  /** That clients expect. */
  readonly host: string;
  readonly nowMs: number;
}

/** Throws where a file is missing, or where clients that trust "ca.crt" would not accept the server. */
export async function readGivenCertificate(given: GivenCertificate): Promise<IssuedCertificate> {
  const { directory } = given;
  const read = async (name: string): Promise<string> => {
    try {
      return await readFile(join(directory, name), 'utf8');
    } catch (cause) {
      throw new Error(`Cannot read "${name}" of the certificate in "${directory}": ${HINTS[name] ?? ''}`, {
        cause,
      });
    }
  };
  // One after the other, so that the first that is missing is named.
  const certificate = await read('tls.crt');
  const issued = { certificate, key: await read('tls.key'), authority: await read('ca.crt') };
  const problem = problemOf(issued, given);
  if (problem === undefined) return issued;
  throw new Error(`Cannot use the certificate in "${directory}": ${problem}`);
}

const SECRET = 'the Secret of collector.certificate.secretName must be of type kubernetes.io/tls';
const HINTS: Readonly<Record<string, string>> = {
  'tls.crt': SECRET,
  'tls.key': SECRET,
  'ca.crt':
    'its authority must be in the Secret, or in the ConfigMap of collector.certificate.authorityConfigMap, under that key',
};

function problemOf(
  { certificate, key, authority }: IssuedCertificate,
  { host, nowMs }: GivenCertificate,
): string | undefined {
  const parsed = parseTlsSecret({ stringData: { 'tls.crt': certificate, 'tls.key': key } });
  if ('fault' in parsed) return parsed.fault.message;
  const [own, ...intermediates] = certificatesIn(certificate);
  const authorities = certificatesIn(authority);
  if (own === undefined) return '"tls.crt" has no certificate that can be read';
  if (authorities.length === 0) return '"ca.crt" has no certificate that can be read';
  if (own.checkHost(host) === undefined) return `it is not for "${host}": add that to its DNS names`;
  if (Date.parse(own.validTo) <= nowMs) return `it ended at ${own.validTo}: renew it`;
  if (leadsTo(own, intermediates, authorities)) return undefined;
  return 'no root authority in "ca.crt" signed it, by itself or through the others in "tls.crt", so no gateway would accept it';
}

/** As TLS clients see it: an authority that another one signed is none of its own. */
function leadsTo(
  own: X509Certificate,
  intermediates: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): boolean {
  const known = [...intermediates, ...authorities];
  let present = own;
  for (const _ of [own, ...known]) {
    if (isSignedBy(present, present))
      return authorities.some(({ fingerprint256 }) => fingerprint256 === present.fingerprint256);
    const next = known.find((one) => isSignedBy(present, one));
    if (next === undefined) return false;
    present = next;
  }
  return false;
}

function isSignedBy(one: X509Certificate, other: X509Certificate): boolean {
  return one.checkIssued(other) && one.verify(other.publicKey);
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** None where one of them cannot be read. */
function certificatesIn(pem: string): readonly X509Certificate[] {
  try {
    return (pem.match(CERTIFICATE) ?? []).map((one) => new X509Certificate(one));
  } catch {
    return [];
  }
}
