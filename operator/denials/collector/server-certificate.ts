// The collector's certificate: in a Secret, made where it is absent, unusable or ends soon, or in a directory, where somebody
// else renews it; its authority is in a ConfigMap, where gateways and people read it. The ConfigMap is written first, with
// the former authority beside the new one, so that whoever follows it can connect before and after.
import { X509Certificate } from 'node:crypto';
import type { IssuedCertificate } from '../../lib/build-certificate.ts';
import { issueCertificate } from '../../lib/issue-certificate.ts';
import { type KubernetesObject, pathOf } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import {
  CLIENT_AUTHORITY,
  type ClusterResource,
  CONFIG_MAPS,
  SECRETS,
} from '../../model/cluster-resources.ts';
import { COLLECTOR_NAME, collectorHost, MANAGED_BY, MANAGED_BY_LABEL } from '../../model/system-names.ts';
import { parseTlsSecret } from '../../model/tls-secret.ts';
import type { ServerTls } from './collector-server.ts';
import { readGivenCertificate } from './given-certificate.ts';

export interface ServerCertificateOptions {
  readonly api: Pick<KubernetesApi, 'request'>;
  readonly systemNamespace: string;
  /** Directory of a certificate that somebody else makes; undefined: it is made here. */
  readonly given?: string | undefined;
  /** Called where something could not be read or written; what is known stays in use. */
  readonly onFailure: (sentence: string, error: unknown) => void;
}

const DAY_MS = 86_400_000;
const LIFE_MS = 365 * DAY_MS;
/** Renewed so long before its end. */
const RENEW_MS = 30 * DAY_MS;
const FIELD_MANAGER = 'sallyport-collector';
const AUTHORITY_KEY = 'ca.crt';
const NOT_FOUND = 404;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/;

/** What the server shows now. Throws where the Secret can neither be read nor written, or the directory not be used. */
export async function currentTls(options: ServerCertificateOptions, nowMs: number): Promise<ServerTls> {
  const { certificate, key } =
    options.given === undefined
      ? await ownCertificate(options, nowMs)
      : await given(options, options.given, nowMs);
  return { cert: certificate, key, clientCa: await clientAuthority(options) };
}

/** Its authority is published before it is shown, beside the one before: both certificates are believed meanwhile. */
async function given(
  options: ServerCertificateOptions,
  directory: string,
  nowMs: number,
): Promise<IssuedCertificate> {
  const { systemNamespace: namespace } = options;
  const found = await readGivenCertificate({ directory, host: collectorHost(namespace), nowMs });
  const published = await readObject(options, CONFIG_MAPS, { namespace, name: COLLECTOR_NAME });
  const [former = ''] = textOf(published, AUTHORITY_KEY).match(CERTIFICATE) ?? [];
  await publish(options, found.authority, former);
  return found;
}

async function ownCertificate(options: ServerCertificateOptions, nowMs: number): Promise<IssuedCertificate> {
  const { systemNamespace } = options;
  const stored = await readObject(options, SECRETS, { namespace: systemNamespace, name: COLLECTOR_NAME });
  const usable = usableCertificate(stored, collectorHost(systemNamespace), nowMs);
  if (usable === undefined) return renew(options, authorityOf(stored), nowMs);
  await publish(options, usable.authority, '');
  return usable;
}

async function renew(
  options: ServerCertificateOptions,
  former: string,
  nowMs: number,
): Promise<IssuedCertificate> {
  const { systemNamespace } = options;
  const host = collectorHost(systemNamespace);
  const names = [host, `${host}.cluster.local`, `${COLLECTOR_NAME}.${systemNamespace}`, COLLECTOR_NAME];
  const issued = await issueCertificate({ names, lifeMs: LIFE_MS, nowMs });
  await publish(options, issued.authority, former);
  await apply(options, SECRETS, {
    type: 'kubernetes.io/tls',
    stringData: {
      ...{ 'tls.crt': issued.certificate, 'tls.key': issued.key },
      [AUTHORITY_KEY]: issued.authority,
    },
  });
  return issued;
}

/** Nothing is written where it says so already: a former authority stays until the next renewal. */
async function publish(options: ServerCertificateOptions, authority: string, former: string): Promise<void> {
  const { systemNamespace: namespace } = options;
  const stored = await readObject(options, CONFIG_MAPS, { namespace, name: COLLECTOR_NAME });
  if (textOf(stored, AUTHORITY_KEY).includes(authority.trim())) return;
  await apply(options, CONFIG_MAPS, { data: { [AUTHORITY_KEY]: `${authority.trim()}\n${former.trim()}\n` } });
}

function usableCertificate(
  stored: KubernetesObject | undefined,
  host: string,
  nowMs: number,
): IssuedCertificate | undefined {
  const parsed = stored === undefined ? undefined : parseTlsSecret(stored);
  if (parsed === undefined || 'fault' in parsed) return undefined;
  const { certificateChain: certificate, privateKey: key } = parsed.certificate;
  const own = new X509Certificate(certificate);
  const authority = authorityOf(stored);
  const isGood = own.checkHost(host) !== undefined && Date.parse(own.validTo) - nowMs > RENEW_MS;
  return isGood && authority !== '' ? { certificate, key, authority } : undefined;
}

/** Of a Secret: base64. */
function authorityOf(stored: KubernetesObject | undefined): string {
  return Buffer.from(textOf(stored, AUTHORITY_KEY), 'base64').toString('utf8');
}

function textOf(stored: KubernetesObject | undefined, key: string): string {
  return (stored?.['data'] as Readonly<Record<string, string>> | undefined)?.[key] ?? '';
}

/** Undefined: nobody is known by a client certificate. */
async function clientAuthority(options: ServerCertificateOptions): Promise<string | undefined> {
  const { namespace, name, key } = CLIENT_AUTHORITY;
  try {
    const text = textOf(await readObject(options, CONFIG_MAPS, { namespace, name }), key);
    return text === '' ? undefined : text;
  } catch (error) {
    options.onFailure(
      `ConfigMap "${namespace}/${name}" cannot be read: client certificates are not accepted`,
      error,
    );
    return undefined;
  }
}

async function readObject(
  { api }: ServerCertificateOptions,
  resource: ClusterResource,
  place: { readonly namespace: string; readonly name: string },
): Promise<KubernetesObject | undefined> {
  try {
    return (await api.request({ method: 'GET', path: pathOf(resource, place) })) as KubernetesObject;
  } catch (error) {
    if (error instanceof ApiFailure && error.status === NOT_FOUND) return undefined;
    throw error;
  }
}

async function apply(
  { api, systemNamespace: namespace }: ServerCertificateOptions,
  resource: ClusterResource,
  content: object,
): Promise<void> {
  const { apiVersion, kind } = resource;
  const metadata = { name: COLLECTOR_NAME, namespace, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } };
  await api.request({
    method: 'PATCH',
    path: pathOf(resource, { namespace, name: COLLECTOR_NAME }),
    query: { fieldManager: FIELD_MANAGER, force: 'true' },
    contentType: 'application/apply-patch+yaml',
    body: { apiVersion, kind, metadata, ...content },
  });
}
