// One line of a request from outside -> the InboundDenial that it records, or undefined where it records none. What
// decided is what the line says; the plan of that revision only adds the entry and the label.
import { OVERLOAD_DETAILS } from '../../model/access-log-line.ts';
import { plainAddress } from '../../model/address-range.ts';
import type { PolicyOutcome, UnnumberedInboundDenial } from '../../model/inbound-denial.ts';
import {
  type InboundLine,
  type InboundRule,
  isDenying,
  parseInboundLine,
  UNREADABLE_CLIENT,
} from '../../model/inbound-line.ts';
import { inboundLost } from './lost-rows.ts';
import { entryOf, type PlanHistory } from './plan-history.ts';
import type { LineReader } from './read-denials.ts';

export type KnownPlans = Pick<PlanHistory, 'labelOf' | 'verdictsOf'>;

export interface InboundOrigin {
  readonly accountId: string;
  readonly plans: KnownPlans;
  readonly prepare?: (lines: readonly InboundLine[]) => Promise<void>;
}

/** Of an ingress Envoy, /authorize and the API. */
export function inboundReader({
  accountId,
  plans,
  prepare,
}: InboundOrigin): LineReader<InboundLine, UnnumberedInboundDenial> {
  return {
    parse: parseInboundLine,
    ...(prepare === undefined ? {} : { prepare }),
    denialOf: (line, eventId) => inboundDenialOfLine(line, { accountId, eventId }, plans),
    lost: inboundLost(accountId),
  };
}

export function inboundDenialOfLine(
  line: InboundLine,
  origin: { readonly accountId: string; readonly eventId: string },
  plans: KnownPlans,
): UnnumberedInboundDenial | undefined {
  const finding = findingOf(line);
  if (finding === undefined) return undefined;
  const ip = line.source === UNREADABLE_CLIENT ? null : orNull(addressOf(line.source));
  const proxy = addressOf(line.peer);
  return {
    ...origin,
    ...listOf(line, finding, plans),
    workspaceId: orNull(line.workspaceId),
    eventTime: line.time,
    source: { ip },
    requestPath: orNull(line.path),
    authenticatedAs: orNull(line.user),
    policyOutcome: finding.outcome,
    workspace: orNull(line.workspace),
    reason: finding.rule.reason,
    host: orNull(line.host),
    method: orNull(line.method),
    status: line.code === 0 ? null : line.code,
    protocol: orNull(line.protocol),
    listener: line.listener,
    proxy: proxy === ip ? null : orNull(proxy),
    revision: orNull(line.revision),
    repeats: line.repeats,
    sample: null,
    lost: 0,
  };
}

interface InboundFinding {
  readonly outcome: PolicyOutcome;
  readonly rule: InboundRule;
}

/** A request that is denied anyway is no dry-run denial. */
function findingOf({ listener, details, enforced, shadow }: InboundLine): InboundFinding | undefined {
  if (listener === 'ingress' && details === OVERLOAD_DETAILS)
    return { outcome: 'DENY', rule: { reason: 'GATEWAY_OVERLOADED' } };
  if (enforced !== undefined && isDenying(enforced)) return { outcome: 'DENY', rule: enforced };
  return shadow !== undefined && isDenying(shadow) ? { outcome: 'DENY_DRY_RUN', rule: shadow } : undefined;
}

function listOf(
  line: InboundLine,
  { outcome, rule: { listId } }: InboundFinding,
  plans: KnownPlans,
): Pick<UnnumberedInboundDenial, 'listId' | 'ruleLabel' | 'entry'> {
  if (listId === undefined) return { listId: null, ruleLabel: null, entry: null };
  const verdicts = plans.verdictsOf(line, addressOf(line.source));
  const verdict = outcome === 'DENY' ? verdicts?.enforced : verdicts?.shadow;
  return { listId, ruleLabel: plans.labelOf(line, listId), entry: entryOf(verdict?.match, listId) };
}

/** Canonical; a text that is no address stays. */
function addressOf(text: string): string {
  return plainAddress(text) ?? text;
}

function orNull(text: string): string | null {
  return text === '' ? null : text;
}
