// A question and what the table says of its name -> what to answer, and whether that is a denial. Pure. An allowed
// name leads to the gateway itself, which then decides about each connection; so nothing has to be asked of others.
import type { Decision } from '../../compile/decide.ts';
import { isDryRun, type Lane } from '../../model/product.ts';
import { type ClusterNames, isClusterName, isServiceName, namesBeforeSuffix } from './cluster-names.ts';
import { TYPE } from './dns-codes.ts';

export type DnsAnswer =
  | { readonly kind: 'address'; readonly of: 'gateway' | 'localhost'; readonly family: 4 | 6 }
  /** The name may exist, but has nothing of this type: no HTTPS records above all, so neither QUIC nor ECH is tried. */
  | { readonly kind: 'noData' }
  | { readonly kind: 'noName' }
  /** Nobody knows whether there is such a Service. "No such name" would be final: clients remember that. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'forward'; readonly to: 'cluster' | 'outside' };

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
const OUTSIDE: AnsweredQuestion = { answer: { kind: 'forward', to: 'outside' } };

export function answerQuestion(question: Question, place: QuestionPlace): AnsweredQuestion {
  const special = answerSpecial(question, place);
  if (special !== undefined) return special;
  const decision = place.decide(question.name);
  if (decision.verdict === 'ALLOW') return isDryRun(place.lane) ? OUTSIDE : addressOf('gateway', question);
  return { ...(decision.verdict === 'DROP' ? NO_NAME : OUTSIDE), denial: decision };
}

/** Names about which no table has a say. */
function answerSpecial(question: Question, place: QuestionPlace): AnsweredQuestion | undefined {
  const { name } = question;
  const { lane, clusterNames } = place;
  if (name === '') return NO_DATA;
  if (isUnder(name, 'localhost')) return addressOf('localhost', question);
  // What an address is called says nothing about where one goes, and programs ask it on their own.
  if (isUnder(name, 'in-addr.arpa') || isUnder(name, 'ip6.arpa')) return isDryRun(lane) ? OUTSIDE : NO_NAME;
  return isClusterName(name, clusterNames) ? answerCluster(name, place) : undefined;
}

function answerCluster(name: string, { clusterNames, decide }: QuestionPlace): AnsweredQuestion {
  const isService = isServiceName(name, clusterNames);
  if (isService !== undefined) return isService ? CLUSTER : NO_NAME;
  // Some resolvers (musl) end their search here, and would never come to ask the allowed name itself.
  const isSearch = namesBeforeSuffix(name, clusterNames).some((asked) => decide(asked).verdict === 'ALLOW');
  return isSearch ? NO_NAME : UNKNOWN;
}

function isUnder(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

function addressOf(of: 'gateway' | 'localhost', { type }: Question): AnsweredQuestion {
  if (type === TYPE.A) return { answer: { kind: 'address', of, family: 4 } };
  return type === TYPE.AAAA ? { answer: { kind: 'address', of, family: 6 } } : NO_DATA;
}
