// Another workspace, which must be served while and after others attack.
import type { Probe, ProbeMark } from './probe.ts';
import { proxyConnect } from './probe-senders.ts';

/** The name that it may reach. */
export const BYSTANDER = 'other.example.com';

export function bystanderProbe({ token }: ProbeMark): Probe {
  return {
    ...proxyConnect(`${BYSTANDER}:443`, { token, sni: BYSTANDER }),
    lane: 'other',
    ruling: { kind: 'passes', to: { host: BYSTANDER, port: 443 } },
    shown: 'another workspace, afterwards',
  };
}
