// Whether every denial is stored: 50,000 denied requests while the log is rotated and our process is killed once; then
// a second flood in which Envoy itself is killed, where only what it had not yet written can be missing.
import { join } from 'node:path';
import { startOutsideServers } from '../outside/outside-servers.ts';
import {
  type BenchReport,
  type BenchSettings,
  type BenchTable,
  figure,
  type Target,
} from './bench-report.ts';
import { type EnvoyDeath, surviveEnvoyDeath } from './envoy-death.ts';
import { type OwnDeath, surviveOwnDeath } from './own-death.ts';

const DENIALS = 50_000;
const DENIALS_WITHOUT_ENVOY = 20_000;
const ROTATIONS_WANTED = 3;
/** Envoy is configured to write its log every 100 ms; writing takes a moment, too. */
const LOST_WANTED_MS = 200;

export async function benchDenialsOfRun({ work, say, isQuick }: BenchSettings): Promise<BenchReport> {
  const scale = isQuick ? 0.1 : 1;
  const outside = await startOutsideServers({ names: [] });
  try {
    say(`${DENIALS * scale} denials; our process is killed and started again on the way`);
    const own = await surviveOwnDeath({ directory: join(work, 'own'), outside, denials: DENIALS * scale });
    say(`${DENIALS_WITHOUT_ENVOY * scale} denials; Envoy is killed on the way`);
    const denials = DENIALS_WITHOUT_ENVOY * scale;
    const envoy = await surviveEnvoyDeath({ directory: join(work, 'envoy'), outside, denials });
    return {
      tables: [ownTable(own), envoyTable(envoy)],
      targets: [...ownTargets(own), ...envoyTargets(envoy)],
      figures: { own, envoy },
    };
  } finally {
    await outside.stop();
  }
}

function ownTable(own: OwnDeath): BenchTable {
  return {
    title: 'Denials while the log is rotated and "sallyport run" is killed and started again',
    head: ['', ''],
    rows: [
      ['denied requests', String(own.answered)],
      ['rows', String(own.rows)],
      ['duplicates', String(own.duplicates)],
      ['gaps in the sequence', String(own.gaps)],
      ['sequence', `${own.firstSequence} to ${own.lastSequence}`],
      ['rotations of the log', String(own.rotations)],
      ['denials per second', figure(own.answersPerSecond)],
      ['rows stored per second, restart included', figure(own.rowsPerSecond)],
      ['highest memory of sallyport run, MB', figure(own.highestMb)],
      ['highest memory of Envoy, MB', figure(own.envoyHighestMb)],
    ],
  };
}

function ownTargets({
  asked,
  answered,
  rows,
  distinctSequences,
  gaps,
  rotations,
}: OwnDeath): readonly Target[] {
  const found = `${rows} rows, ${distinctSequences} numbers, ${gaps} gaps`;
  return [
    {
      kind: 'promise',
      text: `${asked} denials are ${asked} rows with numbers without gaps`,
      found,
      isMet: answered === asked && rows === asked && distinctSequences === asked && gaps === 0,
    },
    {
      kind: 'wish',
      text: `the log is rotated ${ROTATIONS_WANTED} times meanwhile`,
      found: String(rotations),
      isMet: rotations >= ROTATIONS_WANTED,
    },
  ];
}

function envoyTable(envoy: EnvoyDeath): BenchTable {
  return {
    title: 'Denials while Envoy is killed',
    head: ['', ''],
    rows: [
      ['denied requests', String(envoy.answered)],
      ['requests while no Envoy ran', String(envoy.unanswered)],
      ['longest time without an answer, ms', figure(envoy.outageMs)],
      ['answered, but not in the log', String(envoy.missing)],
      ['the first of them before the kill, ms', figure(envoy.oldestMissingMs)],
      ['gaps in the sequence', String(envoy.gaps)],
    ],
  };
}

function envoyTargets({ missing, oldestMissingMs, gaps }: EnvoyDeath): readonly Target[] {
  return [
    {
      kind: 'wish',
      text: `with Envoy die at most the denials of its last ${LOST_WANTED_MS} ms`,
      found: `${missing} of the last ${figure(oldestMissingMs)} ms`,
      isMet: oldestMissingMs <= LOST_WANTED_MS,
    },
    { kind: 'promise', text: 'what is stored has no gaps', found: String(gaps), isMet: gaps === 0 },
  ];
}
