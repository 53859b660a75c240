// A question and the table's decision on its name -> the answer, and whether that is a denial. Pure. An allowed name
// resolves to the gateway itself, which then decides on each connection; so no other server is asked.
import type { Decision } from '../../compile/decide.ts';
import { isDryRun, type Lane } from '../../model/lane.ts';
import {
  type ClusterName,
  type ClusterNames,
  isClusterName,
  namesBeforeSuffix,
  readClusterName,
} from './cluster-names.ts';
import { TYPE } from './dns-codes.ts';
import type { ForwardTarget } from './name-forwarder.ts';

export type DnsAnswer =
  | { readonly kind: 'address'; readonly of: 'gateway' | 'localhost'; readonly family: 4 | 6 }
  /** Of a Service of the cluster. */
  | { readonly kind: 'serviceAddress'; readonly addresses: readonly string[]; readonly family: 4 | 6 }
  /** The name may exist, but has nothing of this type: no HTTPS records above all, so neither QUIC nor ECH is tried. */
  | { readonly kind: 'noData' }
  | { readonly kind: 'noName' }
  /** Whether there is such a Service is unknown. "No such name" would be final: clients cache it. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'forward'; readonly to: ForwardTarget };

export interface AnsweredQuestion {
  readonly answer: DnsAnswer;
  /** Where the question is a denial. */
  readonly denial?: Decision;
}

export interface Question {
  /** Lower case, without the trailing dot; "" is the root. */
  readonly name: string;
  readonly type: number;
}

export interface QuestionPlace {
  readonly lane: Lane;
  readonly clusterNames: ClusterNames;
  /** Called only for names that the table decides on. */
  readonly decide: (name: string) => Decision;
}

const NO_NAME: AnsweredQuestion = { answer: { kind: 'noName' } };
const UNKNOWN: AnsweredQuestion = { answer: { kind: 'unknown' } };
const NO_DATA: AnsweredQuestion = { answer: { kind: 'noData' } };
const CLUSTER: AnsweredQuestion = { answer: { kind: 'forward', to: 'cluster' } };
const ENDPOINTS: AnsweredQuestion = { answer: { kind: 'forward', to: 'endpoints' } };
const OUTSIDE: AnsweredQuestion = { answer: { kind: 'forward', to: 'outside' } };

export function answerQuestion(question: Question, place: QuestionPlace): AnsweredQuestion {
  return answerSpecial(question, place) ?? answerByTable(question, place, OUTSIDE);
}

/** `real` is the answer of lanes that restrict nothing. */
function answerByTable(
  question: Question,
  { lane, decide }: QuestionPlace,
  real: AnsweredQuestion,
): AnsweredQuestion {
  const decision = decide(question.name);
  if (decision.verdict === 'ALLOW') return isDryRun(lane) ? real : addressOf('gateway', question);
  return { ...(decision.verdict === 'DROP' ? NO_NAME : real), denial: decision };
}

/** Names that no table decides on. */
function answerSpecial(question: Question, place: QuestionPlace): AnsweredQuestion | undefined {
  const { name } = question;
  const { lane, clusterNames } = place;
  if (name === '') return NO_DATA;
  if (isUnder(name, 'localhost')) return addressOf('localhost', question);
  // The name of an address is no destination, and programs ask for it by themselves.
  if (isUnder(name, 'in-addr.arpa') || isUnder(name, 'ip6.arpa')) return isDryRun(lane) ? OUTSIDE : NO_NAME;
  if (!isClusterName(name, clusterNames)) return undefined;
  return answerCluster(question, readClusterName(name, clusterNames), place);
}

/** Nothing but addresses and ports, in every lane: other records of the cluster's DNS are not for workloads. */
function answerCluster(question: Question, meant: ClusterName, place: QuestionPlace): AnsweredQuestion {
  const { name, type } = question;
  switch (meant.kind) {
    case 'none':
      return NO_NAME;
    case 'unknown':
      return isSearch(name, place) ? NO_NAME : UNKNOWN;
    case 'alias':
      // An alias of an outside name: the table decides, as on every other.
      return answerByTable(question, place, CLUSTER);
    case 'addressed':
      return forFamily(type, (family) => ({ kind: 'serviceAddress', addresses: meant.addresses, family }));
    case 'endpoints':
      return forFamily(type, () => ENDPOINTS.answer);
    case 'port':
      return type === TYPE.SRV ? ENDPOINTS : NO_DATA;
  }
}

/** Some resolvers (musl) would end their search here, and never ask for the allowed name itself. */
function isSearch(name: string, { clusterNames, decide }: QuestionPlace): boolean {
  return namesBeforeSuffix(name, clusterNames).some((asked) => decide(asked).verdict === 'ALLOW');
}

function isUnder(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

function addressOf(of: 'gateway' | 'localhost', { type }: Question): AnsweredQuestion {
  return forFamily(type, (family) => ({ kind: 'address', of, family }));
}

/** Only questions for addresses have that answer. */
function forFamily(type: number, answer: (family: 4 | 6) => DnsAnswer): AnsweredQuestion {
  if (type === TYPE.A) return { answer: answer(4) };
  return type === TYPE.AAAA ? { answer: answer(6) } : NO_DATA;
}
