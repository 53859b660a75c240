// A Secret of type kubernetes.io/tls: the certificate with which TLS ends at an ingress gateway. No text about it ever
// quotes what it holds.
import { z } from 'zod';
import { type Certificate, certificateProblem } from './certificate.ts';
import type { ObjectMeta } from './kubernetes-object.ts';

const TLS_SECRET_TYPE = 'kubernetes.io/tls';
const CERTIFICATE_KEY = 'tls.crt';
const PRIVATE_KEY_KEY = 'tls.key';

export interface TlsSecret {
  readonly kind: 'Secret';
  readonly metadata: ObjectMeta;
  readonly certificate: Certificate;
}

/** What is wrong, and the field that it is about. */
interface TlsSecretFault {
  readonly path: readonly string[];
  /** The end of "Cannot use Secret "…": ". */
  readonly message: string;
}

export type ParsedTlsSecret = { readonly certificate: Certificate } | { readonly fault: TlsSecretFault };

const texts = z.record(z.string(), z.string()).nullish();
const secretSchema = z.looseObject({ data: texts, stringData: texts });

/** Whether a Secret is for TLS; others are none of our business. */
export function isTlsSecret(value: unknown): boolean {
  return (value as { readonly type?: unknown } | null)?.type === TLS_SECRET_TYPE;
}

export function parseTlsSecret(value: unknown): ParsedTlsSecret {
  const parsed = secretSchema.safeParse(value);
  if (!parsed.success) return { fault: { path: ['data'], message: 'every value must be text' } };
  const certificateChain = textOf(CERTIFICATE_KEY, parsed.data);
  const privateKey = textOf(PRIVATE_KEY_KEY, parsed.data);
  if ('fault' in certificateChain) return certificateChain;
  if ('fault' in privateKey) return privateKey;
  const certificate = { certificateChain: certificateChain.text, privateKey: privateKey.text };
  const problem = certificateProblem(certificate);
  return problem === undefined ? { certificate } : { fault: { path: ['data'], message: problem } };
}

type SecretData = z.infer<typeof secretSchema>;

/** As the API server does, `stringData` wins. */
function textOf(
  key: string,
  { data, stringData }: SecretData,
): { readonly text: string } | { readonly fault: TlsSecretFault } {
  const plain = stringData?.[key];
  if (plain !== undefined) return { text: plain };
  const encoded = data?.[key];
  if (encoded === undefined) {
    return { fault: { path: ['data'], message: `"${key}" is missing: add it to "data" or "stringData"` } };
  }
  const text = decodeBase64(encoded);
  if (text !== undefined) return { text };
  return {
    fault: { path: ['data', key], message: `"${key}" is not base64: write plain text into "stringData"` },
  };
}

/** Buffer skips what is no base64. */
function decodeBase64(encoded: string): string | undefined {
  const compact = encoded.replaceAll(/\s/g, '');
  const isWhole = compact.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(compact);
  return isWhole ? Buffer.from(compact, 'base64').toString('utf8') : undefined;
}
