// A denied question -> its log line, in the format of all log lines (model/access-log-line.ts).
import {
  CONTEXT_PARTS,
  DROP_PREFIX,
  DRY_RUN_PREFIX,
  type LineContext,
  WRITTEN_AUTHORITY_BYTES,
} from '../../model/access-log-line.ts';
import type { AccessType } from '../../model/denial.ts';
import type { Reason } from '../../model/reason.ts';
import { typeName } from './dns-codes.ts';
import type { DnsLane } from './dns-lanes.ts';

export interface DeniedQuestion {
  readonly lane: DnsLane;
  readonly name: string;
  readonly type: number;
  /** Address and port of the client. */
  readonly source: string;
  readonly accessType: AccessType;
  readonly reason: Reason;
  /** Response code of the answer. */
  readonly rcode: number;
  readonly atMs: number;
  /** How many questions the line counts; it shows the first. */
  readonly repeats: number;
}

/** Without the line feed. */
export function dnsLine(denied: DeniedQuestion): string {
  const { lane, name, type, source, accessType, reason, rcode, atMs, repeats } = denied;
  const {
    workspace,
    workspaceId,
    product = '',
    lane: laneName,
    networkPolicyId,
    table,
  } = lane.egressListener;
  const context: LineContext = {
    workspace,
    workspaceId,
    product,
    lane: laneName,
    policy: networkPolicyId,
    table,
    revision: lane.index.table.revision,
    source,
    // Odd bytes are written as four characters each; all are ASCII.
    authority: name.slice(0, WRITTEN_AUTHORITY_BYTES),
  };
  return JSON.stringify({
    listener: 'dns',
    context: CONTEXT_PARTS.map((part) => context[part]).join('|'),
    time: new Date(atMs).toISOString(),
    type: typeName(type),
    decision: `${accessType === 'DROP' ? DROP_PREFIX : DRY_RUN_PREFIX}${reason}`,
    rcode,
    repeats,
  });
}
