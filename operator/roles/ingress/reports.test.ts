import { samplePlan } from '../../../test/fixtures/inbound-fixture.ts';
import { IngressReports } from './reports.ts';

const NOTHING_REFUSED = new Map<string, string>();
const plans = (revision: string) => ['a', 'b'].map((name) => samplePlan(name, { revision }));

test('a revision counts as running once Envoy answered, and the former one stays where it rejected', () => {
  const reports = new IngressReports();
  expect(reports.next(plans('r1'), [], { status: 'timeout', rejected: NOTHING_REFUSED })).toEqual([
    { workspace: 'a', revision: 'none' },
    { workspace: 'b', revision: 'none' },
  ]);
  expect(reports.next(plans('r1'), [], { status: 'applied', rejected: NOTHING_REFUSED })).toEqual([
    { workspace: 'a', revision: 'r1' },
    { workspace: 'b', revision: 'r1' },
  ]);
  const rejected = new Map([['b', 'no such thing']]);
  expect(reports.next(plans('r2'), [], { status: 'heldBack', rejected })).toEqual([
    { workspace: 'a', revision: 'r2' },
    { workspace: 'b', revision: 'r1', rejection: 'no such thing' },
  ]);
});

test('what is rejected and belongs to no plan is a rejection of all', () => {
  const rejected = new Map([['', 'cannot bind']]);
  const [a] = new IngressReports().next(plans('r1'), [], { status: 'heldBack', rejected });
  expect(a).toEqual({ workspace: 'a', revision: 'none', rejection: 'cannot bind' });
});

test('faults stand beside the revision that runs', () => {
  const fault = { workspace: 'a', reason: 'SecretNotFound', message: 'x', field: 'f' } as const;
  const [a, b] = new IngressReports().next(plans('r1'), [fault], {
    status: 'applied',
    rejected: NOTHING_REFUSED,
  });
  expect([a, b]).toEqual([
    { workspace: 'a', revision: 'r1', faults: [{ reason: 'SecretNotFound', message: 'x' }] },
    { workspace: 'b', revision: 'r1' },
  ]);
});
