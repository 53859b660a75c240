// What is wrong about the outcome of a case: the answer, the row, what arrived where, what was asked.
// In: a case, what was seen, its rows. Out: sentences; none where all is as wanted.
import { isDeepStrictEqual } from 'node:util';
import type { Denial } from '../../operator/model/denial.ts';
import type { AttackCase } from './attack-case.ts';
import { type AttackScene, POLICIES } from './attack-scene.ts';
import type { Left } from './witness.ts';

export interface Observation extends Left {
  readonly attack: AttackCase;
  readonly source: string;
  readonly answer: string;
}

export function faultsOf(seen: Observation, rows: readonly Denial[], scene: AttackScene): readonly string[] {
  return [
    ...faultsOfAnswer(seen, scene),
    ...faultsOfRows(seen, rows, scene),
    ...faultsOfArrivals(seen, scene),
    ...seen.strayQuestions.map((name) => `the DNS was asked for ${name}`),
  ];
}

function faultsOfAnswer({ attack: { wanted }, answer }: Observation, scene: AttackScene): readonly string[] {
  const expected = scene.fillIn(wanted.answer);
  const isAsWanted = wanted.verdict === 'R' ? answer.includes(expected) : answer === expected;
  return isAsWanted ? [] : [`answered "${answer}" instead of "${expected}"`];
}

function faultsOfRows(
  { attack }: Observation,
  rows: readonly Denial[],
  scene: AttackScene,
): readonly string[] {
  const count = attack.wanted.reason === undefined ? 0 : 1;
  const [row] = rows;
  if (rows.length !== count) {
    const found = rows.map(({ accessType, reason, destination }) => `${accessType} ${reason} ${destination}`);
    return [`${rows.length} rows instead of ${count}: ${found.join(', ')}`];
  }
  return row === undefined ? [] : [...faultsOfColumns(row, columnsOf(attack, scene)), ...faultsOfEvents(row)];
}

/** What every row of this case must say. */
function columnsOf({ wanted, from = 'tenant' }: AttackCase, scene: AttackScene): Partial<Denial> {
  const { reason = '', accessType = 'DROP', row = {} } = wanted;
  const destination = row.destination === undefined ? {} : { destination: scene.fillIn(row.destination) };
  return {
    accountId: 'account',
    workspace: from,
    workspaceId: `id-of-${from}`,
    policy: POLICIES[from],
    product: 'JOBS',
    networkSourceType: 'General Compute',
    accessType,
    reason,
    ...row,
    ...destination,
  };
}

function faultsOfColumns(row: Denial, columns: Partial<Denial>): readonly string[] {
  return Object.entries(columns).flatMap(([name, value]) => {
    const found = row[name as keyof Denial];
    return isDeepStrictEqual(asWritten(found), asWritten(value))
      ? []
      : [`row has ${name} ${JSON.stringify(found)} instead of ${JSON.stringify(value)}`];
  });
}

/** The event that belongs to the type of destination is there, and no other; nothing was asked of a nameless one. */
function faultsOfEvents({ destination, destinationType, dnsEvent, storageEvent }: Denial): readonly string[] {
  const events = { DNS: dnsEvent !== null, STORAGE: storageEvent !== null, IP: false };
  return Object.entries(events)
    .filter(
      ([type, isThere]) => isThere !== (type === destinationType && type !== 'IP' && destination !== ''),
    )
    .map(([type]) => `row of type ${destinationType} is wrong about the event of type ${type}`);
}

function faultsOfArrivals(
  { attack: { wanted }, arrivals }: Observation,
  { fixture: { outside } }: AttackScene,
): readonly string[] {
  const { reaches = [] } = wanted;
  const addresses = new Set(reaches.map((name) => outside.addressOf(name)));
  const addressOf = (arrival: string): string => arrival.split(':')[0] ?? '';
  const stray = arrivals.filter((arrival) => !addresses.has(addressOf(arrival)));
  const missing = reaches.filter(
    (name) => !arrivals.some((arrival) => addressOf(arrival) === outside.addressOf(name)),
  );
  return [...stray.map((arrival) => `reached ${arrival}`), ...missing.map((name) => `did not reach ${name}`)];
}

/** Rows may come from another process, and tests have prototypes of their own: what counts is what JSON says. */
function asWritten(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
