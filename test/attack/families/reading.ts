// The one reading of an authority: exactly `name[:port]`. In: bytes as sent (Latin-1). Out: host and port, and whether
// they are written canonically; undefined for everything else, which nobody may understand at all.
import { parseDomainName } from '../../../operator/model/domain-name.ts';
import { isDryRun } from '../../../operator/model/lane.ts';
import { canonicalName } from '../../outside/dns-zone.ts';
import type { LaneName, Ruling, Target } from './probe.ts';
import type { ProbeScene } from './probe-scene.ts';

export interface Reading extends Target {
  /** Lower case, no trailing dot, no leading zero: another spelling may be denied, or read as this. */
  readonly isCanonical: boolean;
}

const AUTHORITY = /^([A-Za-z0-9._-]+)(?::(\d{1,5}))?$/;
const MAX_PORT = 65_535;
const HTTP_PORT = 80;

export function readAuthority(text: string, defaultPort = 0): Reading | undefined {
  const [whole, host = '', digits = `${defaultPort}`] = AUTHORITY.exec(text) ?? [];
  const port = Number(digits);
  if (whole === undefined || port < 1 || port > MAX_PORT) return undefined;
  const parsed = parseDomainName(host);
  if ('fault' in parsed) return { host, port, isCanonical: false };
  return { host: parsed.name, port, isCanonical: parsed.name === host && `${port}` === digits };
}

/**
 * A URL has its host behind the last "@" and before the path, in the one reading that there is of URLs. Who writes more
 * than a host may be denied for it. Envoy itself rejects each path that does not begin with "/", an empty one in front
 * of a query too, and each fragment.
 */
function readUrlAuthority(text: string, defaultPort?: number): Reading | undefined {
  const [written = ''] = text.split(/[/?#]/);
  if (text.includes('#') || text.charAt(written.length) === '?') return undefined;
  const host = written.slice(written.lastIndexOf('@') + 1);
  const reading = readAuthority(host, defaultPort);
  return reading === undefined || host === written ? reading : { ...reading, isCanonical: false };
}

/** By what decide() says of the reading. */
export function rulingOn(reading: Reading, decision: ReturnType<ProbeScene['decide']>): Ruling {
  const to = { host: reading.host, port: reading.port };
  if (decision.verdict === 'DROP') return { kind: 'denied' };
  const kind = decision.verdict === 'ALLOW' ? 'passes' : 'recorded';
  return reading.isCanonical ? { kind, to } : { kind: 'denied or', or: kind, to };
}

export interface Attempt {
  readonly lane: LaneName;
  readonly text: string;
}

export const DENIED: Ruling = { kind: 'denied' };

/** Blanks around the value of a header are none of it. */
export function rulingOnHost({ lane, text }: Attempt, scene: ProbeScene): Ruling {
  return rulingOnHttp(lane, readAuthority(text.replaceAll(/^[ \t]+|[ \t]+$/g, ''), HTTP_PORT), scene);
}

export function rulingOnUrl({ lane, text }: Attempt, scene: ProbeScene): Ruling {
  return rulingOnHttp(lane, readUrlAuthority(text, HTTP_PORT), scene);
}

function rulingOnHttp(lane: LaneName, reading: Reading | undefined, scene: ProbeScene): Ruling {
  if (reading === undefined) return DENIED;
  return rulingOn(reading, scene.decide(lane, { via: 'HTTP', ...reading }));
}

/** Blanks around the target of a request line are none of it; who sends some may be denied for it (RFC 9112, 3). */
export function rulingOnConnect({ lane, text }: Attempt, sni: string, scene: ProbeScene): Ruling {
  const target = text.replaceAll(/^ +| +$/g, '');
  const found = /[/?#]/.test(target) ? undefined : readUrlAuthority(target);
  if (found === undefined) return DENIED;
  const reading = target === text ? found : { ...found, isCanonical: false };
  const inside = { kind: 'TLS', sni } as const;
  return rulingOn(reading, scene.decide(lane, { via: 'CONNECT', ...reading, inside }));
}

export function rulingOnServerName({ lane, text }: Attempt, port: number, scene: ProbeScene): Ruling {
  const reading = text.includes(':') ? undefined : readAuthority(text, port);
  if (reading === undefined) return DENIED;
  return rulingOn(reading, scene.decide(lane, { via: 'TLS', sni: reading.host, port }));
}

/** A question has one name and no port, whatever its labels hold; dry-run may ask for it as it is. */
export function rulingOnQuestion({ lane, text }: Attempt, scene: ProbeScene): Ruling {
  const reading = text.includes(':') ? undefined : readAuthority(text, 1);
  if (reading !== undefined) return rulingOn(reading, scene.decideName(lane, reading.host));
  const to = { host: canonicalName(text), port: 53 };
  return isDryRun(scene.laneOf(lane)) ? { kind: 'denied or', or: 'recorded', to } : DENIED;
}
