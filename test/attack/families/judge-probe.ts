// The invariants, for one attempt: what was dialled, matched, asked in the DNS and written into the row is one and the
// same; what decide() forbids does not leave; a denial has one row that says what the client saw; what is allowed gets
// through without one. In: the attempt and all evidence of it. Out: sentences; none where all holds.
import { isIP } from 'node:net';
import type { Arrival } from '../../outside/origins.ts';
import { LANES, type Probe, type Ruling, type Target } from './probe.ts';
import type { ProbeScene } from './probe-scene.ts';
import type { Seen } from './send-probe.ts';
import type { StoredRow } from './stored-rows.ts';

/** A name has 253 at most, and a row few of them. */
const MAX_ROW_LENGTH = 4096;

export interface ProbeEvidence {
  readonly probe: Probe;
  readonly seen: Seen;
  readonly rows: readonly StoredRow[];
  /** Connections on which a server received the attempt's token. */
  readonly arrivals: readonly Arrival[];
}

export function faultsOfProbe(evidence: ProbeEvidence, scene: ProbeScene): readonly string[] {
  const { ruling } = evidence.probe;
  switch (ruling.kind) {
    case 'denied':
      return faultsOfDenial(evidence);
    case 'passes':
      return faultsOfPassage(evidence, ruling.kind, ruling.to, scene);
    case 'recorded':
      return canAnswer(evidence, ruling.to, scene)
        ? faultsOfPassage(evidence, ruling.kind, ruling.to, scene)
        : faultsOfRecord(evidence, ruling.kind, ruling.to);
    case 'denied or':
      return faultsOfEither(evidence, ruling, scene);
  }
}

function hasGotOut({ seen, arrivals }: ProbeEvidence): boolean {
  return seen.gotThrough || arrivals.length > 0;
}

function faultsOfPassage(
  evidence: ProbeEvidence,
  kind: 'passes' | 'recorded',
  to: Target,
  scene: ProbeScene,
): readonly string[] {
  if (!evidence.seen.gotThrough) return [`was denied, though it may pass: ${tellRows(evidence.rows)}`];
  return [...faultsOfTarget(evidence, to, scene), ...faultsOfRecord(evidence, kind, to)];
}

function faultsOfEither(
  evidence: ProbeEvidence,
  { or, to }: Extract<Ruling, { kind: 'denied or' }>,
  scene: ProbeScene,
): readonly string[] {
  if (hasGotOut(evidence)) return faultsOfPassage(evidence, or, to, scene);
  const mayBeRecorded = or === 'recorded' && !canAnswer(evidence, to, scene);
  return mayBeRecorded && evidence.rows.length === 1 ? faultsOfRow(evidence) : faultsOfDenial(evidence);
}

/** Where nobody listens, nothing comes back, and the row is all there is. */
function canAnswer({ probe }: ProbeEvidence, to: Target, scene: ProbeScene): boolean {
  return probe.isDatagram === true || scene.isServed(to.port);
}

function faultsOfDenial(evidence: ProbeEvidence): readonly string[] {
  const { rows, seen } = evidence;
  if (hasGotOut(evidence))
    return [`got through: ${tellArrivals(evidence.arrivals)}`, ...faultsOfRow(evidence)];
  const [row] = rows;
  if (isUnreadable(evidence))
    return rows.length === 0 ? [] : [`is no question, and has rows: ${tellRows(rows)}`];
  if (row === undefined || rows.length > 1)
    return [`has ${rows.length} rows instead of 1: ${tellRows(rows)}`];
  const isAgreed = seen.reason === undefined || seen.reason === row.reason;
  return [
    ...(row.accessType === 'DROP' ? [] : [`was denied, and its row says ${row.accessType}`]),
    ...(isAgreed ? [] : [`its answer gives the reason ${seen.reason}, its row ${row.reason}`]),
    ...faultsOfRow(evidence),
  ];
}

/** Bytes that are no question get an answer that says so, and are counted by the gateway. */
function isUnreadable({ probe, seen }: ProbeEvidence): boolean {
  return probe.isDatagram === true && seen.answer.startsWith('FORMERR');
}

/** Of a row, whoever is denied: it is the lane's own. */
function faultsOfRow({ probe, rows }: ProbeEvidence): readonly string[] {
  const { workspace, product } = LANES[probe.lane];
  return rows.flatMap((row) => [
    ...(row.workspace === workspace && row.product === product
      ? []
      : [`its row is in the name of ${row.workspace}/${row.product}`]),
    ...(row.length <= MAX_ROW_LENGTH ? [] : [`its row has ${row.length} characters`]),
  ]);
}

function faultsOfRecord(evidence: ProbeEvidence, kind: 'passes' | 'recorded', to: Target): readonly string[] {
  const { rows } = evidence;
  if (kind === 'passes') return rows.length === 0 ? [] : [`passed and has rows: ${tellRows(rows)}`];
  const [row] = rows;
  if (row === undefined || rows.length > 1)
    return [`passed with ${rows.length} rows instead of 1: ${tellRows(rows)}`];
  const isAsDialled =
    evidence.probe.isDatagram === true || (row.destination === to.host && row.port === to.port);
  return [
    ...(row.accessType === 'DRY_RUN_DENIAL' ? [] : [`passed, and its row says ${row.accessType}`]),
    ...(isAsDialled ? [] : [`went to ${to.host}:${to.port}, and its row says ${tellRows(rows)}`]),
    ...faultsOfRow(evidence),
  ];
}

/** Everything that arrived did so where the ruling says, and the server received that name. */
function faultsOfTarget(
  { probe, arrivals }: ProbeEvidence,
  to: Target,
  scene: ProbeScene,
): readonly string[] {
  if (probe.isDatagram) return arrivals.length === 0 ? [] : [`arrived at ${tellArrivals(arrivals)}`];
  if (arrivals.length !== 1) return [`arrived ${arrivals.length} times: ${tellArrivals(arrivals)}`];
  const address = isIP(to.host) === 0 ? scene.addressOf(to.host) : to.host;
  return arrivals
    .filter((arrival) => arrival.address !== address || arrival.port !== to.port)
    .map((arrival) => `went to ${tellArrivals([arrival])} instead of ${to.host}:${to.port} at ${address}`);
}

function tellArrivals(arrivals: readonly Arrival[]): string {
  return arrivals.map(({ address, port, said }) => `${address}:${port} ${printable(said)}`).join(', ');
}

function printable(said: string): string {
  return said.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, 60);
}

function tellRows(rows: readonly StoredRow[]): string {
  const notified = rows.map(
    ({ accessType, reason, destination, port }) =>
      `${accessType} ${reason} ${destination.slice(0, 80)}:${port}`,
  );
  return notified.length === 0 ? 'no row' : notified.join(', ');
}
