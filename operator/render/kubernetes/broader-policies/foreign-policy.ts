// Policies of network plugins and administrators -> whom they may select, and whether they allow anything at all. What
// they allow is not compared with ours: they have hosts, entities and orders of their own, and come before or beside
// ours. An unreadable one allows everything to everybody. Rules of a tier below ours (baseline) add nothing: ours
// decide first.
import { isRecord } from './known-labels.ts';

export interface ForeignRules {
  readonly allowsEgress: boolean;
  readonly allowsIngress: boolean;
  /** It may select pods that match one of these. */
  readonly subjects: readonly Subject[];
}

/** Label selectors; an absent one selects everything. */
interface Subject {
  readonly namespaceSelector?: unknown;
  readonly podSelector?: unknown;
}

type Spec = Readonly<Record<string, unknown>>;

const EVERYBODY: readonly Subject[] = [{}];
const EVERYTHING: ForeignRules = { allowsEgress: true, allowsIngress: true, subjects: EVERYBODY };
const NOTHING: ForeignRules = { allowsEgress: false, allowsIngress: false, subjects: [] };

/** By API group. */
const READERS: Readonly<Record<string, (spec: Spec) => ForeignRules>> = {
  'cilium.io': readCilium,
  'crd.projectcalico.org': readCalico,
  'projectcalico.org': readCalico,
  'policy.networking.k8s.io': readAdmin,
  'crd.antrea.io': readAntrea,
};

export function readForeign(apiVersion: string, spec: unknown): ForeignRules {
  const read = READERS[apiVersion.split('/')[0] ?? ''];
  return read === undefined || !isRecord(spec) ? EVERYTHING : read(spec);
}

/** An empty rule allows nothing there: "egress: [{}]" denies everything. */
function readCilium(spec: Spec): ForeignRules {
  const allows = (rules: unknown): boolean =>
    anyOf(rules, (rule) => !isRecord(rule) || Object.keys(rule).length > 0);
  return {
    allowsEgress: allows(spec['egress']),
    allowsIngress: allows(spec['ingress']),
    subjects: ciliumSubjects(spec),
  };
}

/** Rules for nodes select no pods. */
function ciliumSubjects({ endpointSelector, nodeSelector }: Spec): readonly Subject[] {
  if (endpointSelector === undefined) return nodeSelector === undefined ? EVERYBODY : [];
  return [{ podSelector: withoutSources(endpointSelector) }];
}

/** "k8s:app" and "any:app" are the label "app". */
function withoutSources(selector: unknown): unknown {
  if (!isRecord(selector)) return selector;
  const plain = (key: string): string => key.replace(/^(?:k8s|any):/, '');
  const { matchLabels, matchExpressions, ...rest } = selector;
  return {
    ...rest,
    ...(isRecord(matchLabels) && {
      matchLabels: Object.fromEntries(Object.entries(matchLabels).map(([key, value]) => [plain(key), value])),
    }),
    ...(Array.isArray(matchExpressions) && {
      matchExpressions: matchExpressions.map((one: unknown) =>
        isRecord(one) ? { ...one, key: plain(String(one['key'])) } : one,
      ),
    }),
  };
}

/** Pass continues with profiles, which allow. */
function readCalico(spec: Spec): ForeignRules {
  return {
    ...allowing(spec, ['deny', 'log']),
    subjects: [
      {
        podSelector: readCalicoSelector(spec['selector']),
        namespaceSelector: readCalicoSelector(spec['namespaceSelector']),
      },
    ],
  };
}

/** AdminNetworkPolicy and ClusterNetworkPolicy. Pass continues with ours. */
function readAdmin(spec: Spec): ForeignRules {
  if (isBaseline(spec)) return NOTHING;
  const { subject } = spec;
  const { namespaces, pods } = isRecord(subject) ? subject : {};
  const subjects = namespaces === undefined ? [subjectOf(pods)] : [{ namespaceSelector: namespaces }];
  return { ...allowing(spec, ['deny', 'pass']), subjects };
}

/** Pass continues with ours. */
function readAntrea(spec: Spec): ForeignRules {
  if (isBaseline(spec)) return NOTHING;
  const { appliedTo } = spec;
  const subjects = Array.isArray(appliedTo) && appliedTo.length > 0 ? appliedTo.map(subjectOf) : EVERYBODY;
  return { ...allowing(spec, ['drop', 'reject', 'pass']), subjects };
}

function isBaseline({ tier }: Spec): boolean {
  return typeof tier === 'string' && tier.toLowerCase() === 'baseline';
}

function subjectOf(place: unknown): Subject {
  if (!isRecord(place)) return {};
  const { namespaceSelector, podSelector } = place;
  return { namespaceSelector, podSelector };
}

/** An unknown action allows. */
function allowing({ egress, ingress }: Spec, harmless: readonly string[]) {
  const allows = (rule: unknown): boolean =>
    !isRecord(rule) || !harmless.includes(String(rule['action']).toLowerCase());
  return { allowsEgress: anyOf(egress, allows), allowsIngress: anyOf(ingress, allows) };
}

function anyOf(rules: unknown, allows: (rule: unknown) => boolean): boolean {
  if (rules === undefined || rules === null) return false;
  return Array.isArray(rules) ? rules.some(allows) : true;
}

const EQUALITY = /^([\w./-]+)\s*==\s*(?:'([^']*)'|"([^"]*)")$/;
/** Alternatives, negations and groups: a part of such a selector does not bound the whole. */
const COMPOUND = /\|\||!|\((?!\))/;
/** Where a value may hold quotes of the other kind, a part of it could read like an equality. */
const BOTH_QUOTES = /'.*"|".*'/s;

/**
 * A label selector that selects at least the same pods: only equalities joined by "&&" are parsed; anything else
 * selects all.
 */
function readCalicoSelector(selector: unknown): unknown {
  if (typeof selector !== 'string' || COMPOUND.test(selector) || BOTH_QUOTES.test(selector)) return {};
  const equalities = selector.split('&&').flatMap((part) => {
    const [, key, single, double] = EQUALITY.exec(part.trim()) ?? [];
    return key === undefined ? [] : [[key, single ?? double ?? ''] as const];
  });
  return { matchLabels: Object.fromEntries(equalities) };
}
