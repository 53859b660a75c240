// Sends every case of the attack list to one gateway and says what came of each.
// In: cases. Out: a result per case with everything that was wrong about it, and what left when no case was being sent.
// A row is a case's by its source address, which no other case has; so the rows are read at the end.
import type { Denial } from '../../operator/model/denial.ts';
import { parseObject } from '../../operator/model/parse-object.ts';
import { formatProblem } from '../../operator/model/problem.ts';
import type { AttackCase, Sent } from './attack-case.ts';
import { type AttackScene, startAttackScene } from './attack-scene.ts';
import { converse, exchange } from './converse.ts';
import { faultsOf, type Observation } from './faults.ts';
import { Witness } from './witness.ts';

export interface AttackResult {
  readonly attack: AttackCase;
  readonly answer: string;
  readonly rows: readonly Denial[];
  /** Empty where all is as wanted. */
  readonly faults: readonly string[];
}

export interface AttackReport {
  readonly results: readonly AttackResult[];
  /** Connections and questions that belong to no case. */
  readonly late: readonly string[];
}

const QUICK_LIMIT_MS = 3000;
const DATAGRAM_LIMIT_MS = 700;
/** Beyond the gateway's longest time-out for a client that says nothing. */
const SLOW_LIMIT_MS = 45_000;

export async function runAttack(cases: readonly AttackCase[]): Promise<AttackReport> {
  const scene = await startAttackScene();
  try {
    const observed = await observeAll(cases, scene);
    await scene.fixture.stopGateway();
    return {
      results: observed.seen.map((one) => resultOf(one, scene)),
      late: observed.witness.late(),
    };
  } finally {
    await scene.fixture.stop();
  }
}

async function observeAll(cases: readonly AttackCase[], scene: AttackScene) {
  const witness = new Witness(scene.fixture.outside);
  const numbered = cases.map((attack, at) => ({ attack, source: sourceOf(at) }));
  const seen: Observation[] = [];
  for (const { attack, source } of numbered.filter(({ attack: { send } }) => !isSlow(send))) {
    const answer = await sendFrom(source, attack, scene);
    seen.push({ attack, source, answer, ...witness.check(attack.wanted) });
  }
  const slow = numbered.filter(({ attack: { send } }) => isSlow(send));
  const answers = await Promise.all(slow.map(({ attack, source }) => sendFrom(source, attack, scene)));
  const left = witness.check({ reaches: [] });
  return {
    witness,
    seen: [...seen, ...slow.map((one, at) => ({ ...one, answer: answers[at] ?? '', ...left }))],
  };
}

/** 127.1.0.1, 127.1.0.2, ... */
function sourceOf(at: number): string {
  return `127.1.${Math.floor(at / 250)}.${1 + (at % 250)}`;
}

function isSlow(send: Sent): boolean {
  return 'isSlow' in send && send.isSlow === true;
}

async function sendFrom(localAddress: string, attack: AttackCase, scene: AttackScene): Promise<string> {
  const { send, wanted, from = 'tenant' } = attack;
  if (send.sender === 'admission') return admit(send.object);
  const place = scene.placeOf(from, send.to);
  if ('datagrams' in send) {
    const conversation = { ...place, localAddress, answers: 1, limitMs: DATAGRAM_LIMIT_MS };
    return exchange(send.datagrams.map(scene.fillIn), conversation);
  }
  const answers = send.sender === 'dns over tcp' ? 1 : wanted.answer.split(' ').length;
  const turns = send.turns.map((turn) => ({ ...turn, pieces: turn.pieces.map(scene.fillIn) }));
  const limitMs = isSlow(send) ? SLOW_LIMIT_MS : QUICK_LIMIT_MS;
  return converse(turns, { ...place, localAddress, answers, limitMs });
}

function admit(object: unknown): string {
  const parsed = parseObject(object);
  return parsed.status === 'unreadable' ? parsed.problems.map(formatProblem).join('; ') : 'accepted';
}

function resultOf(seen: Observation, scene: AttackScene): AttackResult {
  const { attack, answer, source } = seen;
  const rows = scene.fixture.denials.filter((denial) => denial.source.startsWith(`${source}:`));
  return { attack, answer, rows, faults: faultsOf(seen, rows, scene) };
}
