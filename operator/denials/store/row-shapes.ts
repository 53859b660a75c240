// What distinguishes rows where a flood must share some: denied connections of a lane, denied requests to a workspace.
import { NOT_IDENTIFIED, type UnnumberedDenial } from '../../model/denial.ts';
import type { UnnumberedInboundDenial } from '../../model/inbound-denial.ts';
import type { RowShape } from './row-budget.ts';

/** Stands for every destination, or address, that has no row of its own. */
const OTHERS = '*';

export const OUTBOUND_SHAPE: RowShape<UnnumberedDenial> = {
  groupOf: ({ accessType, workspaceId, product }) => `${accessType} ${workspaceId} ${product}`,
  /** With the address of the client, so that no row counts what another pod did. */
  equalityOf: ({
    source,
    destination,
    destinationType,
    port,
    reason,
    rule,
    sni,
    revision,
    dnsEvent,
    protocol,
  }) =>
    JSON.stringify([
      ...[addressOf(source), destination, destinationType, port, reason, rule, sni, revision],
      ...[dnsEvent?.rcode, protocol],
    ]),
  othersOf: (denial) => ({
    key: `${OTHERS} ${denial.reason} ${denial.destinationType}`,
    row: {
      ...denial,
      destination: OTHERS,
      dnsEvent: null,
      storageEvent: null,
      rule: null,
      port: null,
      sni: null,
      source: OTHERS,
      protocol: null,
      ...NOT_IDENTIFIED,
    },
  }),
  sampleOf: ({ destination }) => destination,
};

export const INBOUND_SHAPE: RowShape<UnnumberedInboundDenial> = {
  groupOf: ({ policyOutcome, workspace }) => `${policyOutcome} ${workspace}`,
  /** With the address: who was denied is what people ask here. */
  equalityOf: ({ source, reason, listId, entry, host, method, requestPath, status, listener, revision }) =>
    JSON.stringify([source.ip, reason, listId, entry, host, method, requestPath, status, listener, revision]),
  othersOf: (denial) => ({
    key: `${OTHERS} ${denial.reason} ${denial.listener}`,
    row: {
      ...denial,
      source: { ip: OTHERS },
      requestPath: null,
      authenticatedAs: null,
      ruleLabel: null,
      listId: null,
      entry: null,
      host: null,
      method: null,
      status: null,
      protocol: null,
      proxy: null,
    },
  }),
  sampleOf: ({ source }) => source.ip,
};

/** Without the port. */
function addressOf(source: string): string {
  return source.slice(0, source.lastIndexOf(':'));
}
