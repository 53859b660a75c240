// The parts of ingress that are not in force, as sentences for people: whose they are, why, and what stays in force
// meanwhile. Where a port is taken, it is tried, and the sentence says what to do.
import type { IngressResource, IngressSettings } from '../../render/envoy/ingress/ingress-config.ts';
import { HTTP_LISTENER, TLS_LISTENER } from '../../render/envoy/ingress/ingress-names.ts';
import { portProblem } from '../ports/port-probe.ts';
import type { HeldBackResource } from '../xds/resource-book.ts';
import type { ResourceKind } from '../xds/resource-kind.ts';

const CANNOT_BIND = /cannot bind/i;

const WORDS: Readonly<Record<ResourceKind, string>> = {
  cluster: 'Cluster',
  secret: 'Certificate',
  route: 'Access lists',
  scope: 'Host',
  listener: 'Listener',
};

export async function heldBackIngress(
  parts: readonly HeldBackResource[],
  settings: IngressSettings,
): Promise<readonly string[]> {
  return await Promise.all(parts.map((part) => sentenceOf(part, settings)));
}

async function sentenceOf(part: HeldBackResource, settings: IngressSettings): Promise<string> {
  const { kind, name, text, isFormer, resource } = part;
  const taken = CANNOT_BIND.test(text) ? await portOf(name, settings) : undefined;
  if (taken !== undefined) return `Ingress: ${taken}`;
  const workspace = (resource as IngressResource | undefined)?.workspace;
  const whose = workspace === undefined ? '' : ` of workspace "${workspace}"`;
  const meanwhile = isFormer ? 'what was in force before stays' : 'until it is accepted, it denies';
  return `Ingress: ${WORDS[kind]} "${name}"${whose}: ${text}; ${meanwhile}`;
}

/** Why its port cannot be listened on; undefined where it can. */
async function portOf(
  listener: string,
  { address, httpPort, tlsPort }: IngressSettings,
): Promise<string | undefined> {
  const known = {
    [HTTP_LISTENER]: { port: httpPort, option: '--ingress-http-port' },
    [TLS_LISTENER]: { port: tlsPort, option: '--ingress-https-port' },
  }[listener];
  if (known?.port === undefined) return undefined;
  return await portProblem(address, known.port, `choose another with ${known.option}`);
}
