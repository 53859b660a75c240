// A family of attempts to get out: generates them, sends them side by side to one gateway, and judges them at the
// end, since only then every row is there. A failing attempt is minimised alone, on a fresh gateway.
import fc from 'fast-check';
import type { GatewayOptions } from '../../support/envoy/gateway-fixture.ts';
import { until } from '../../support/until.ts';
import { BYSTANDER, bystanderProbe } from './bystander.ts';
import { faultsOfFootprint, footprintOf } from './envoy-footprint.ts';
import type { Family, FamilyResult, FamilyRun } from './family.ts';
import { faultsOfProbe, type ProbeEvidence } from './judge-probe.ts';
import type { Probe, ProbeMark } from './probe.ts';
import { type ProbeScene, startProbeScene } from './probe-scene.ts';
import { type Seen, sendProbe } from './send-probe.ts';
import { type StoredRow, storedRows } from './stored-rows.ts';
import { forgedRows, strayNames, withoutToken } from './stray.ts';

export interface ProbeFamilyOptions<T> extends Omit<Family, 'run'> {
  /** The folder; lanes of LANES that the family uses, and "other", which allows BYSTANDER. */
  readonly files: GatewayOptions['files'];
  /** What is special about a case, as data that can be printed. */
  readonly arbitrary: fc.Arbitrary<T>;
  probe(value: T, mark: ProbeMark, scene: ProbeScene): Probe;
  /** Before the first attempt: names that shall lead elsewhere. */
  prepare?(scene: ProbeScene): Promise<void>;
}

const AT_ONCE = 24;
const LABELS = 300;
const MAX_TOLD = 20;
const MAX_SHRUNK = 3;
const SHRINK_MS = 20_000;
const ROW_WAIT_MS = 1500;

export function probeFamily<T>(options: ProbeFamilyOptions<T>): Family {
  const { name, what, runs, sampleRuns } = options;
  return { name, what, runs, sampleRuns, run: (run) => runProbes(options, run) };
}

interface Sent {
  readonly probe: Probe;
  readonly mark: ProbeMark;
  readonly source: string;
  readonly seen: Seen;
}

async function runProbes<T>(options: ProbeFamilyOptions<T>, run: FamilyRun): Promise<FamilyResult> {
  const values = fc.sample(options.arbitrary, { seed: run.seed, numRuns: run.runs });
  const scene = await startProbeScene(options.files);
  try {
    await options.prepare?.(scene);
    const before = await footprintOf(scene);
    const sent = await sendAll(values, options, scene);
    const bystander = await sendOne(values.length, bystanderProbe, scene);
    const grown = await faultsOfFootprint(scene, before);
    await scene.fixture.stopGateway();
    const rows = await storedRows(scene.fixture);
    const evidence = evidenceOf([...sent, bystander], rows, scene);
    const failed = evidence.flatMap((one, at) => {
      const faults = faultsOfProbe(one, scene);
      return faults.length === 0 ? [] : [{ at, faults, text: `${one.probe.shown}: ${faults.join('; ')}` }];
    });
    const smallest = await shrinkFirst(
      failed.filter(({ at }) => at < values.length),
      options,
      run,
    );
    const strays = straysOf([...sent, bystander], rows, scene);
    return {
      cases: values.length,
      counts: countsOf(evidence),
      faults: [
        ...failed.slice(0, MAX_TOLD).map(({ at, text }) => `#${at} ${text}`),
        ...(failed.length > MAX_TOLD ? [`and ${failed.length - MAX_TOLD} more like these`] : []),
        ...smallest,
        ...strays,
        ...grown,
      ],
    };
  } finally {
    await scene.fixture.stop();
  }
}

type MakeProbe = (mark: ProbeMark, scene: ProbeScene) => Probe;

async function sendAll<T>(
  values: readonly T[],
  options: ProbeFamilyOptions<T>,
  scene: ProbeScene,
): Promise<readonly Sent[]> {
  const sent: Sent[] = [];
  const queue = values.entries();
  const work = async (): Promise<void> => {
    for (const [at, value] of queue) {
      sent[at] = await sendOne(at, (mark) => options.probe(value, mark, scene), scene);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return sent;
}

async function sendOne(at: number, make: MakeProbe, scene: ProbeScene): Promise<Sent> {
  const mark = { token: `p${`${at}`.padStart(6, '0')}e`, label: `n${at % LABELS}` };
  const probe = make(mark, scene);
  const source = sourceOf(at);
  return { probe, mark, source, seen: await sendProbe(probe, source, scene) };
}

/** 127.1.0.1, 127.1.0.2, ...: below the subnets of outside servers. */
function sourceOf(at: number): string {
  return `127.${1 + Math.floor(at / 62_500)}.${Math.floor(at / 250) % 250}.${1 + (at % 250)}`;
}

function evidenceOf(
  sent: readonly Sent[],
  allRows: readonly StoredRow[],
  { fixture }: ProbeScene,
): readonly ProbeEvidence[] {
  const rows = Map.groupBy(allRows, ({ source }) => source.replace(/:\d*$/, ''));
  const arrivals = Map.groupBy(fixture.outside.origins.arrivals, ({ said }) => /p\d{6}e/.exec(said)?.[0]);
  return sent.map(({ probe, mark, source, seen }) => ({
    probe,
    seen,
    rows: rows.get(source) ?? [],
    arrivals: arrivals.get(mark.token) ?? [],
  }));
}

function straysOf(
  sent: readonly Sent[],
  rows: readonly StoredRow[],
  { fixture }: ProbeScene,
): readonly string[] {
  const mayBeAsked = sent.flatMap(({ probe: { ruling, mayAsk = [] } }) =>
    ruling.kind === 'denied' ? mayAsk : [ruling.to.host],
  );
  const { dns, origins } = fixture.outside;
  const sources = new Set(sent.map(({ source }) => source));
  return [
    ...forgedRows(rows, sources),
    ...strayNames(dns.questions, [...mayBeAsked, BYSTANDER]).map((name) => `the DNS was asked for ${name}`),
    ...withoutToken(origins.arrivals).map((arrival) => `somebody went to ${arrival} without a word`),
  ];
}

function countsOf(evidence: readonly ProbeEvidence[]): Readonly<Record<string, number>> {
  const words = evidence.map(({ seen, rows }) => {
    if (!seen.gotThrough) return 'denied';
    return rows.length > 0 ? 'recorded' : 'passed';
  });
  return Object.fromEntries(
    [...Map.groupBy(words, (word) => word)].map(([word, { length }]) => [word, length]),
  );
}

interface Failed {
  readonly at: number;
  readonly faults: readonly string[];
}

/** "its row has # characters". */
function kindOf(fault: string): string {
  return (fault.split(':')[0] ?? '').replaceAll(/\d+/g, '#');
}

/** Of the first few kinds of fault the smallest case that has it alone. */
async function shrinkFirst<T>(
  failed: readonly Failed[],
  options: ProbeFamilyOptions<T>,
  run: FamilyRun,
): Promise<readonly string[]> {
  if (failed.length === 0) return [];
  const firsts = new Map(failed.toReversed().map((one) => [kindOf(one.faults[0] ?? ''), one.at]));
  const scene = await startProbeScene(options.files);
  try {
    await options.prepare?.(scene);
    const notified: string[] = [];
    for (const [kind, index] of [...firsts].slice(0, MAX_SHRUNK)) {
      notified.push(`#${index} smallest: ${await shrinkOne({ kind, index, options, run, scene })}`);
    }
    return notified;
  } finally {
    await scene.fixture.stop();
  }
}

interface Shrinking<T> {
  readonly kind: string;
  readonly index: number;
  readonly options: ProbeFamilyOptions<T>;
  readonly run: FamilyRun;
  readonly scene: ProbeScene;
}

async function shrinkOne<T>({ kind, index, options, run, scene }: Shrinking<T>): Promise<string> {
  const notified: string[] = [];
  const property = fc.asyncProperty(options.arbitrary, async (value) => {
    shrunk += 1;
    const faults = await faultsAlone(shrunk, value, options, scene);
    const isSame = faults.some((fault) => kindOf(fault) === kind);
    if (isSame) notified.push(`${JSON.stringify(value)}: ${faults.join('; ')}`);
    return !isSame;
  });
  const parameters = { seed: run.seed, path: `${index}`, numRuns: 1, interruptAfterTimeLimit: SHRINK_MS };
  await fc.check(property, parameters);
  return notified.at(-1) ?? 'holds when it is alone';
}

let shrunk = 0;

async function faultsAlone<T>(
  at: number,
  value: T,
  options: ProbeFamilyOptions<T>,
  scene: ProbeScene,
): Promise<readonly string[]> {
  const sent = await sendOne(at, (mark) => options.probe(value, mark, scene), scene);
  let faults: readonly string[] = [];
  const isFaultless = async (): Promise<boolean> => {
    const rows = await storedRows(scene.fixture, `${sent.source}:`);
    faults = evidenceOf([sent], rows, scene).flatMap((one) => faultsOfProbe(one, scene));
    return faults.length === 0;
  };
  await until('nothing is wrong', isFaultless, ROW_WAIT_MS).catch(() => undefined);
  return faults;
}
