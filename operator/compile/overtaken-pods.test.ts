import fc from 'fast-check';
import { clusterState, stampedPod } from '../../test/fixtures/cluster-fixture.ts';
import type { StampedPod } from '../model/cluster-state.ts';
import { LANES, type Lane } from '../model/lane.ts';
import { PRODUCTS } from '../model/product.ts';
import { isMoreOpen, laneAnnotation, STAMP_ANNOTATION } from '../model/stamp.ts';
import { overtakenPods } from './overtaken-pods.ts';

interface Lanes {
  readonly general: Lane;
  readonly dbsql: Lane;
}

function settingsOf({ general, dbsql }: Lanes) {
  return {
    [STAMP_ANNOTATION]: 'new',
    [laneAnnotation('GENERAL')]: general,
    [laneAnnotation('DBSQL')]: dbsql,
  };
}

function overtaken(annotations: Readonly<Record<string, string>>, pod: Partial<StampedPod>) {
  const waiting = { ...stampedPod('team', 'dry-run'), hasStarted: false, product: 'GENERAL', ...pod };
  const namespaces = [{ name: 'team', annotations }];
  return overtakenPods(clusterState([], { namespaces, pods: [waiting] })).map(({ lane }) => lane);
}

const ENFORCED = settingsOf({ general: 'enforced', dbsql: 'enforced' });

describe('overtakenPods()', () => {
  it('names a pod that waits in a lane that is more open than the one in force', () => {
    expect(overtaken(ENFORCED, {})).toEqual(['enforced']);
    expect(overtaken(ENFORCED, { lane: 'full', stamp: '' })).toEqual(['enforced']);
  });

  it.each<[string, Readonly<Record<string, string>>, Partial<StampedPod>]>([
    ['has started', ENFORCED, { hasStarted: true }],
    ['has the stamp of today', ENFORCED, { stamp: 'new' }],
    ['is in a lane as strict', ENFORCED, { lane: 'sealed' }],
    ['is in no lane that is known, and held like the strictest', ENFORCED, { lane: 'mine' }],
    ['is in no workspace', {}, {}],
  ])('leaves a pod that %s', (_, annotations, pod) => {
    expect(overtaken(annotations, pod)).toEqual([]);
  });

  it('takes a lane of a product that is more open than that of GENERAL for not granted', () => {
    const settings = settingsOf({ general: 'enforced', dbsql: 'dry-run' });
    expect(overtaken(settings, { product: 'DBSQL' })).toEqual(['enforced']);
  });

  it('shuts what it cannot understand', () => {
    expect(overtaken({ [STAMP_ANNOTATION]: 'new' }, {})).toEqual(['sealed']);
  });

  it('leaves no waiting pod in a lane that is more open than those in force', () => {
    const lane = fc.constantFrom(...LANES);
    const pod = fc.record({ lane, product: fc.constantFrom(...PRODUCTS, 'none') });
    fc.assert(
      fc.property(fc.record({ general: lane, dbsql: lane }), pod, (lanes, waiting) => {
        const [after = waiting.lane] = overtaken(settingsOf(lanes), waiting);
        const strictest = isMoreOpen(lanes.dbsql, lanes.general) ? lanes.general : lanes.dbsql;
        // A product without a lane of its own, and no default: the strictest there is.
        const known = new Map<string, Lane>([
          ['GENERAL', lanes.general],
          ['DBSQL', strictest],
        ]);
        const inForce = known.get(waiting.product) ?? 'sealed';
        expect(isMoreOpen(after, inForce)).toBe(false);
        expect(isMoreOpen(after, waiting.lane)).toBe(false);
      }),
      { numRuns: 2000, seed: 20270131 },
    );
  });
});
