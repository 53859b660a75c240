import { GATEWAY_SETTINGS } from '../../../test/fixtures/gateway-settings.ts';
import {
  type Manifest,
  manifest,
  policyManifest,
  readSnapshot,
  workspaceManifest,
} from '../../../test/fixtures/object-fixture.ts';
import { endpointsOf, productListeners } from '../../gateway/ports/product-listeners.ts';
import { formatProblem, type Problem } from '../../model/problem.ts';
import { type DesiredOutputs, desiredOutputs } from '../../pipeline.ts';
import { StateReport } from './state-report.ts';
import { SILENT_VIEW } from './view.ts';

let shown: string[];
let standing: readonly string[];
let report: StateReport;

beforeEach(() => {
  shown = [];
  report = new StateReport({
    ...SILENT_VIEW,
    progress: (text) => void shown.push(text),
    workspaces: (plans) => void shown.push(`table of ${plans.map(({ metadata }) => metadata.name).join()}`),
    problems: (added, all) => {
      shown.push(...added.map(({ message }) => `problem ${message}`));
      standing = all.map(formatProblem);
    },
    heldBack: (sentences) => void shown.push(`held back: ${sentences.join(', ')}`),
  });
});

const SETTINGS = { ...GATEWAY_SETTINGS, directory: '/state/envoy' };

function outputsOf(...manifests: readonly Manifest[]): DesiredOutputs {
  const egressListeners = (plans: DesiredOutputs['plans']) => productListeners(plans, {}, '127.0.0.1');
  return desiredOutputs(
    readSnapshot(...manifests),
    { settings: SETTINGS, egressListenersOf: egressListeners },
    0,
  );
}

/** What is shown of these objects, whose tables are in force or not. */
function applied(manifests: readonly Manifest[], areInForce = true): readonly string[] {
  shown.length = 0;
  const outputs = outputsOf(...manifests);
  report.applied(outputs, endpointsOf(outputs.plans, outputs.egressListeners), () => areInForce);
  return [...shown];
}

function policy(name: string, destination: string): Manifest {
  return policyManifest(name, { allowedInternetDestinations: [{ destination }] });
}

const BETA = [
  workspaceManifest('beta'),
  manifest('PolicyAssignment', 'beta', { networkPolicyId: 'other' }),
  policy('other', 'b.example.com'),
];
const ALPHA = [workspaceManifest('alpha'), policy('default-policy', 'a.example.com')];

test('StateReport shows the table of workspaces once, and again when it is another one', () => {
  expect(applied(ALPHA)).toEqual(['table of alpha']);
  expect(applied(ALPHA)).toEqual([]);
  expect(applied([...ALPHA, ...BETA])).toEqual(['table of alpha,beta']);
});

test('StateReport shows the table of workspaces not again because of hosts', () => {
  applied(ALPHA);
  const { plans, ...outputs } = outputsOf(...ALPHA);
  const { workspaces } = endpointsOf(plans, outputs.egressListeners);
  const ingress = [{ workspace: 'alpha', host: 'a.example', http: 'http://127.0.0.1:8080', https: null }];
  shown.length = 0;
  report.applied({ plans, ...outputs }, { workspaces, ingress }, () => true);
  expect(shown).toEqual([]);
});

test('StateReport does not repeat a problem whose line has moved', () => {
  const at = (line: number): Problem => ({ reason: 'InvalidValue', message: 'a', object: 'X/x', line });
  report.problems([at(1)]);
  report.problems([at(2)]);
  expect(shown).toEqual(['problem a']);
  expect(standing).toEqual([formatProblem(at(2))]);
  report.problems([]);
  expect(standing).toEqual([]);
});

test('StateReport names the tables that changed where the workspaces are the same', () => {
  applied([...ALPHA, ...BETA]);
  const [text = '', ...more] = applied([
    workspaceManifest('alpha'),
    policy('default-policy', 'c.example.com'),
    ...BETA,
  ]);
  expect(more).toEqual([]);
  expect(text).toMatch(/^Enforced: \S*default-policy\S* \S+$/);
});

test('StateReport tells once what is held back, and that it no longer is', () => {
  report.heldBack([]);
  report.heldBack(['a port', 'a table']);
  report.heldBack(['a port', 'a table']);
  report.heldBack([]);
  expect(shown).toEqual(['held back: a port, a table', 'held back: ']);
});

test('StateReport calls no table enforced that is held back', () => {
  applied(ALPHA);
  const changed = [workspaceManifest('alpha'), policy('default-policy', 'c.example.com')];
  expect(applied(changed, false)).toEqual([]);
  expect(applied(changed)).toEqual([expect.stringMatching(/^Enforced: /)]);
});

test('StateReport shows each new problem once, and says which are solved', () => {
  const problem = (message: string): Problem => ({ reason: 'InvalidValue', message });
  report.problems([]);
  report.problems([problem('a'), problem('b')]);
  report.problems([problem('a'), problem('b')]);
  report.problems([problem('a'), problem('b'), problem('c')]);
  report.problems([problem('b'), problem('c')]);
  report.problems([problem('d')], 'ingress');
  report.problems([problem('b')]);
  report.problems([], 'ingress');
  report.problems([]);
  report.problems([]);
  expect(shown).toEqual([
    'problem a',
    'problem b',
    'problem c',
    'Solved  a',
    'problem d',
    'Solved  c',
    'Solved  d',
    'All problems are solved',
  ]);
});
