// A question and what the table says of its name -> what to answer, and whether that is a denial. Pure. An allowed
// name leads to the gateway itself, which then decides about each connection; so nothing has to be asked of others.
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
  /** Nobody knows whether there is such a Service. "No such name" would be final: clients remember that. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'forward'; readonly to: ForwardTarget };

export interface AnsweredQuestion {
  readonly answer: DnsAnswer;
  /** Where the question is a denial. */
  readonly denial?: Decision;
}

export interface Question {
  /** Lower case, without the last dot; "" is the root. */
  readonly name: string;
  readonly type: number;
}

export interface QuestionPlace {
  readonly lane: Lane;
  readonly clusterNames: ClusterNames;
  /** Asked only where the table has a say. */
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

/** `real` is what a lane gets that nothing is kept back from. */
function answerByTable(
  question: Question,
  { lane, decide }: QuestionPlace,
  real: AnsweredQuestion,
): AnsweredQuestion {
  const decision = decide(question.name);
  if (decision.verdict === 'ALLOW') return isDryRun(lane) ? real : addressOf('gateway', question);
  return { ...(decision.verdict === 'DROP' ? NO_NAME : real), denial: decision };
}

/** Names about which no table has a say. */
function answerSpecial(question: Question, place: QuestionPlace): AnsweredQuestion | undefined {
  const { name } = question;
  const { lane, clusterNames } = place;
  if (name === '') return NO_DATA;
  if (isUnder(name, 'localhost')) return addressOf('localhost', question);
  // What an address is called says nothing about where one goes, and programs ask it on their own.
  if (isUnder(name, 'in-addr.arpa') || isUnder(name, 'ip6.arpa')) return isDryRun(lane) ? OUTSIDE : NO_NAME;
  if (!isClusterName(name, clusterNames)) return undefined;
  return answerCluster(question, readClusterName(name, clusterNames), place);
}

/** Nothing but addresses and ports, in every lane: what else is kept in the cluster's DNS is no matter of workloads. */
function answerCluster(question: Question, meant: ClusterName, place: QuestionPlace): AnsweredQuestion {
  const { name, type } = question;
  switch (meant.kind) {
    case 'none':
      return NO_NAME;
    case 'unknown':
      return isSearch(name, place) ? NO_NAME : UNKNOWN;
    case 'alias':
      // Another way to write a name outside: the table has its say, as about every other.
      return answerByTable(question, place, CLUSTER);
    case 'addressed':
      return forFamily(type, (family) => ({ kind: 'serviceAddress', addresses: meant.addresses, family }));
    case 'endpoints':
      return forFamily(type, () => ENDPOINTS.answer);
    case 'port':
      return type === TYPE.SRV ? ENDPOINTS : NO_DATA;
  }
}

/** Some resolvers (musl) end their search here, and would never come to ask the allowed name itself. */
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
