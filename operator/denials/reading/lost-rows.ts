// Rows that say how many denials were not kept: of a workspace where that is known, of none where it is not.
import { NOT_IDENTIFIED, type UnnumberedDenial } from '../../model/denial.ts';
import type { UnnumberedInboundDenial } from '../../model/inbound-denial.ts';

/** What a row says is lost. */
interface Loss {
  readonly eventId: string;
  /** Of the first of the lost denials. */
  readonly eventTime: string;
  readonly lost: number;
  /** One that ownerOf() gave, or nobody(). */
  readonly owner: unknown;
}

/** How the lost denials of one log are described. */
export interface LostRows<Row> {
  /** Whose denial it was, as plain data: those of one owner share a row. */
  readonly ownerOf: (row: Row) => unknown;
  /** Of lines that do not say whose they were. */
  readonly nobody: unknown;
  readonly rowOf: (loss: Loss) => Row;
}

const REASON = 'DENIALS_NOT_KEPT';
const ANY = '*';

type OutboundOwner = Pick<UnnumberedDenial, 'workspaceId' | 'workspace' | 'accessType'>;

export function outboundLost(accountId: string): LostRows<UnnumberedDenial> {
  const nobody: OutboundOwner = { workspaceId: '', workspace: '', accessType: 'DROP' };
  return {
    nobody,
    ownerOf: ({ workspaceId, workspace, accessType }): OutboundOwner => ({
      ...{ workspaceId, workspace, accessType },
    }),
    rowOf: ({ eventId, eventTime, lost, owner }) => ({
      ...{ accountId, eventId, eventTime, ...(owner as OutboundOwner), ...NOT_IDENTIFIED },
      destinationType: 'DNS',
      destination: ANY,
      dnsEvent: null,
      storageEvent: null,
      networkSourceType: null,
      product: null,
      policy: '',
      revision: '',
      rule: null,
      reason: REASON,
      port: null,
      sni: null,
      source: ANY,
      repeats: lost,
      sample: null,
      lost,
      protocol: null,
    }),
  };
}

type InboundOwner = Pick<UnnumberedInboundDenial, 'workspaceId' | 'workspace' | 'policyOutcome'>;

export function inboundLost(accountId: string): LostRows<UnnumberedInboundDenial> {
  const nobody: InboundOwner = { workspaceId: null, workspace: null, policyOutcome: 'DENY' };
  return {
    nobody,
    ownerOf: ({ workspaceId, workspace, policyOutcome }): InboundOwner => ({
      ...{ workspaceId, workspace, policyOutcome },
    }),
    rowOf: ({ eventId, eventTime, lost, owner }) => ({
      ...{ accountId, eventId, eventTime, ...(owner as InboundOwner) },
      source: { ip: ANY },
      requestPath: null,
      authenticatedAs: null,
      ruleLabel: null,
      listId: null,
      entry: null,
      reason: REASON,
      host: null,
      method: null,
      status: null,
      protocol: null,
      listener: 'ingress',
      proxy: null,
      revision: null,
      repeats: lost,
      sample: null,
      lost,
    }),
  };
}
