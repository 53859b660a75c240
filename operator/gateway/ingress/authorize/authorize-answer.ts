// The head of a proxy's request and the plans in force -> the answer, and the line for the log. Same decision, same
// words and same line as an ingress gateway's; whatever is ambiguous or unknown is denied.
import { decideIngress } from '../../../compile/ingress/decide-ingress.ts';
import { findPlan } from '../../../compile/ingress/find-plan.ts';
import { memoize } from '../../../lib/memo.ts';
import type { AddressRange } from '../../../model/address-range.ts';
import { inboundRuleName, type WrittenInboundLine } from '../../../model/inbound-line.ts';
import type { InboundReason } from '../../../model/inbound-reason.ts';
import {
  type RefusedClient,
  refusalMessage,
  refusalPage,
  refusedPlace,
} from '../../../model/inbound-refusal.ts';
import type { IngressDecision, IngressVerdict } from '../../../model/ingress-decision.ts';
import type { IngressPlan } from '../../../model/ingress-plan.ts';
import { REASON_HEADER } from '../../../model/reason.ts';
import {
  type AuthorizeHead,
  type AuthorizeQuestion,
  hostOf,
  readQuestion,
  valuesOf,
} from './authorize-question.ts';

export interface AuthorizeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Undefined where nothing was asked. */
  readonly line?: WrittenInboundLine;
}

export interface AuthorizeSettings {
  /** Those who may ask. */
  readonly trustedProxies: readonly AddressRange[];
  readonly accountId: string;
}

const NOT_ASKED: AuthorizeAnswer = { status: 404, headers: {}, body: 'Ask GET /authorize\n' };

/** `plans`: the very same array while nothing has changed. */
export function answerQuestion(
  head: AuthorizeHead,
  plans: readonly IngressPlan[],
  { trustedProxies, accountId }: AuthorizeSettings,
  time: Date,
): AuthorizeAnswer {
  const question = readQuestion(head, trustedProxies);
  if (question === undefined) return NOT_ASKED;
  const judged = judge(head, question, plans);
  const line = lineOf(head, question, judged, time);
  if (judged.decision.isAllowed) return { status: 200, headers: {}, body: '', line };
  return { ...refusal(head, judged, { path: line.path ?? '', accountId }), line };
}

interface Judged {
  readonly plan: IngressPlan | undefined;
  /** Empty where it is not known. */
  readonly address: string;
  readonly decision: Omit<IngressDecision, 'reason'> & { readonly reason: InboundReason };
  /** For the administrator of the proxy. */
  readonly fault?: string;
}

function judge(
  head: AuthorizeHead,
  question: AuthorizeQuestion | { readonly fault: string },
  plans: readonly IngressPlan[],
): Judged {
  if ('fault' in question) return denied('BAD_REQUEST', question.fault);
  const plan = planFor(head, question, plans);
  if ('denied' in plan) return plan.denied;
  const { client } = question;
  const address = 'address' in client ? client.address : '';
  const decision = decideIngress(plan.found.spec, address);
  return { plan: plan.found, address, decision, ...('fault' in client ? { fault: client.fault } : {}) };
}

function planFor(
  head: AuthorizeHead,
  { workspace, host }: AuthorizeQuestion,
  plans: readonly IngressPlan[],
): { readonly found: IngressPlan } | { readonly denied: Judged } {
  if (workspace !== undefined) {
    const named = findPlan(plans, workspace);
    return named === undefined
      ? { denied: denied('UNKNOWN_HOST', `there is no workspace "${workspace}"`) }
      : { found: named };
  }
  if ('fault' in host) return { denied: denied('BAD_REQUEST', host.fault) };
  const byHost = plansByHost(plans);
  const found = byHost.get(host.name);
  if (found === undefined)
    return { denied: denied('UNKNOWN_HOST', `no workspace has the host "${host.name}"`) };
  // A client's own X-Forwarded-Host, where the proxy leaves that as it is.
  const own = byHost.get(hostOf(valuesOf(head, 'host')[0] ?? '') ?? '') ?? found;
  if (own !== found)
    return { denied: denied('BAD_REQUEST', 'Host and X-Forwarded-Host are of two workspaces') };
  return { found };
}

function denied(reason: InboundReason, fault: string): Judged {
  return { plan: undefined, address: '', decision: { isAllowed: false, reason }, fault };
}

function refusal(
  { headers }: AuthorizeHead,
  { plan, address, decision: { reason }, fault }: Judged,
  { path, accountId }: { readonly path: string; readonly accountId: string },
): Omit<AuthorizeAnswer, 'line'> {
  const place = refusedPlace(plan?.spec ?? { level: 'WORKSPACE', workspaceId: '' }, accountId);
  const client: RefusedClient = { reason, address, place };
  const common = {
    [REASON_HEADER]: reason,
    'cache-control': 'no-store',
    ...(fault === undefined ? {} : { 'x-sallyport-fault': printable(fault) }),
  };
  const wantsHtml = (headers['accept'] ?? []).some((value) => value.includes('text/html'));
  if (wantsHtml && !path.startsWith('/api/')) {
    const html = { ...common, 'content-type': 'text/html; charset=utf-8' };
    return { status: 403, headers: html, body: refusalPage(client) };
  }
  const body = `${JSON.stringify({ error_code: 'PERMISSION_DENIED', message: refusalMessage(client) })}\n`;
  return { status: 403, headers: { ...common, 'content-type': 'application/json' }, body };
}

/** A header has no line feed, and no text of a client that means something else. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?');
}

function lineOf(
  head: AuthorizeHead,
  question: AuthorizeQuestion | { readonly fault: string },
  { plan, address, decision, fault = '' }: Judged,
  time: Date,
): WrittenInboundLine {
  return {
    listener: 'authorize',
    time: time.toISOString(),
    ...planFields(plan),
    enforced: ruleOf(decision),
    shadow: decision.wouldDeny === undefined ? '' : ruleOf(decision.wouldDeny),
    source: address,
    peer: head.peer,
    code: decision.isAllowed ? 200 : 403,
    details: fault.slice(0, 200),
    ...askedFields(head, question),
  };
}

function planFields(plan: IngressPlan | undefined) {
  if (plan === undefined) return { workspace: '', workspaceId: '', revision: '' };
  const { metadata, spec } = plan;
  const { workspaceId, level, revision } = spec;
  return { workspace: metadata.name, workspaceId, level, revision };
}

function askedFields(head: AuthorizeHead, question: AuthorizeQuestion | { readonly fault: string }) {
  const [host = ''] = valuesOf(head, 'host');
  if ('fault' in question) return { host, method: head.method, path: '' };
  const { method, path } = question;
  return { host: 'name' in question.host ? question.host.name : host, method, path };
}

function ruleOf({
  reason,
  match,
}: Omit<IngressVerdict, 'reason'> & { readonly reason: InboundReason }): string {
  return inboundRuleName(match === undefined ? { reason } : { reason, listId: match.listId });
}

const plansByHost = memoize(
  (plans: readonly IngressPlan[]): ReadonlyMap<string, IngressPlan> =>
    new Map(plans.flatMap((plan) => (plan.spec.hosts ?? []).map((host) => [host, plan] as const))),
);
