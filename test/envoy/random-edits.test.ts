// Whatever people and machines do to the folder, the ports and the files of a gateway: after each step the real Envoy
// decides as decide() does for what the folder says, or denies, and then it was reported what is held back. A failure
// prints the seed; SEED and EDITS in the environment say which and how many steps there are.
import fc from 'fast-check';
import { EditedGateway } from '../support/envoy/edited-gateway.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { allProbes, EDIT, NAMES, type Probe } from '../support/envoy/random-steps.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const EDITS = Number(process.env['EDITS'] ?? 60);
/** Without a number of its own a run ends in time on a busy machine, too. */
const LIMIT_MS = process.env['EDITS'] === undefined ? 60_000 : Number.POSITIVE_INFINITY;
const START = { 'lab.yaml': workspaceYaml('lab', allow(['a.example.com'])) };
/** Where no listener can be changed, none can be taken away; that is reported, and the one removal that waits. */
const NO_LISTENERS = /listeners\.json": a directory is in its place/;

let fixture: GatewayFixture;
let edited: EditedGateway;
const counts = { reached: 0, denied: 0, heldBack: 0, untried: 0 };

beforeAll(async () => {
  fixture = await startGateway({
    names: NAMES.map((name) => ({ name })),
    services: { 443: 'https', 8443: 'https', 9443: 'https' },
    files: START,
  });
  edited = new EditedGateway(fixture, START);
});

afterAll(() => fixture.stop());

/** What is wrong with the answer to a probe; undefined where nothing is. */
async function faultOf(probe: Probe): Promise<string | undefined> {
  const { verdict, reason, table } = edited.expected(probe);
  const isReached = await edited.reaches(probe);
  if (isReached === undefined || reason === 'FULL_ACCESS') {
    counts.untried += 1;
    return undefined;
  }
  counts[isReached ? 'reached' : 'denied'] += 1;
  if (isReached === (verdict !== 'DROP')) return undefined;
  if (isReached) {
    return fixture.heldBack.some((sentence) => NO_LISTENERS.test(sentence))
      ? undefined
      : `Envoy lets through what is ${reason}`;
  }
  counts.heldBack += 1;
  const { workspace, product } = probe;
  const names = [`${workspace}/${product}`, `${table}`, 'private-'];
  const isNotified = fixture.heldBack.some((sentence) => names.some((name) => sentence.includes(name)));
  return isNotified ? undefined : `Envoy denies what is ${reason}, and nothing says why`;
}

async function expectNoFault(at: number, step: unknown, probes: readonly Probe[]): Promise<void> {
  for (const probe of probes) {
    const fault = await faultOf(probe);
    if (fault === undefined) continue;
    const notified = fixture.heldBack.join('\n') || 'nothing';
    throw new Error(
      `${fault} (seed ${SEED}, step ${at}: ${JSON.stringify(step)}): ${JSON.stringify(probe)}; held back: ${notified}`,
    );
  }
}

test(
  `Envoy decides as decide() does, or denies and says so, after each of ${EDITS} edits (seed ${SEED})`,
  async () => {
    const endMs = performance.now() + LIMIT_MS;
    const edits = fc.sample(EDIT, { seed: SEED, numRuns: EDITS });
    for (const [at, { step, probes }] of edits.entries()) {
      if (performance.now() > endMs) break;
      await edited.take(step);
      await expectNoFault(at, step, probes);
      const isStuck = fixture.heldBack.some((sentence) => NO_LISTENERS.test(sentence));
      const left = isStuck ? [] : await edited.leftOpen('a.example.com');
      if (left.length > 0) throw new Error(`${left.join()} stayed open (seed ${SEED}, step ${at})`);
    }
    await edited.clearTheWay();
    await until(
      'everything is in force',
      async () => {
        await edited.settle();
        return fixture.heldBack.length === 0;
      },
      60_000,
    );
    const heldBack = counts.heldBack;
    await expectNoFault(EDITS, 'after all', allProbes());
    expect(counts.heldBack).toBe(heldBack);
    expect(counts.reached).toBeGreaterThan(0);
    expect(counts.denied).toBeGreaterThan(0);
  },
  60_000 + EDITS * 10_000,
);
