// Every case of the attack suite, in the order of the attack list.
import { ADDRESSES } from './addresses.ts';
import type { AttackCase } from './attack-case.ts';
import { DNS } from './dns.ts';
import { NAMES } from './names.ts';
import { PROXY_PROTOCOL } from './proxy-protocol.ts';
import { PROXY_TARGETS } from './proxy-targets.ts';
import { STORAGE } from './storage.ts';
import { TLS } from './tls.ts';
import { UNICODE } from './unicode.ts';

export function allCases(): readonly AttackCase[] {
  return [
    ...NAMES,
    ...UNICODE,
    ...PROXY_TARGETS,
    ...PROXY_PROTOCOL,
    ...TLS,
    ...DNS,
    ...ADDRESSES,
    ...STORAGE,
  ];
}
