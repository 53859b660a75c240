import fc from 'fast-check';
import {
  type Manifest,
  manifest,
  readSnapshot,
  workspaceManifest,
} from '../../../test/fixtures/object-fixture.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import { parseIngressPlan } from '../../model/parse-compiled.ts';
import { type CompiledIngress, compileIngress } from './ingress-plans.ts';

const SETTINGS = { systemNamespace: 'sallyport-system', backendField: 'address' } as const;
const AT_MS = Date.parse('2027-01-31T00:00:00Z');
const MINUTE_MS = 60_000;
const WITHIN = { 'sallyport.dev/confirm-within': '10m' };

type Annotations = Readonly<Record<string, string>>;

function confirmed(generation: number): Annotations {
  return { ...WITHIN, 'sallyport.dev/confirmed': String(generation) };
}

function versioned(object: Manifest, generation: number, annotations: Annotations = {}): Manifest {
  return { ...object, metadata: { ...object.metadata, generation, annotations } };
}

function list(address: string): Manifest {
  return manifest(
    'IpAccessList',
    'office',
    { label: 'o', listType: 'BLOCK', ipAddresses: [address] },
    'team',
  );
}

function conf(spec: Readonly<Record<string, unknown>>): Manifest {
  return manifest('WorkspaceConf', 'workspace', spec, 'team');
}

/** As another process reads it. */
function stored(plans: readonly IngressPlan[]): readonly IngressPlan[] {
  return plans.map((plan) => {
    const parsed = parseIngressPlan(
      JSON.parse(JSON.stringify(plan)) as IngressPlan & Record<string, unknown>,
    );
    if ('fault' in parsed) throw new Error(parsed.fault);
    return parsed.object;
  });
}

function compile(
  object: Manifest | undefined,
  minutes: number,
  before: readonly IngressPlan[] = [],
): CompiledIngress {
  const snapshot = readSnapshot(workspaceManifest('team'), ...(object === undefined ? [] : [object]));
  const moment = { atMs: AT_MS + minutes * MINUTE_MS, callers: [] };
  return compileIngress(snapshot, SETTINGS, stored(before), moment);
}

function addresses({ plans }: CompiledIngress): string {
  return plans.flatMap(({ spec }) => spec.lists.flatMap(({ ipAddresses }) => ipAddresses)).join();
}

function reasons({ problems }: CompiledIngress): string {
  return problems.map(({ reason }) => reason).join();
}

describe('commit-confirm of a list', () => {
  const first = compile(versioned(list('1.1.1.1'), 1), 0);
  const changed = versioned(list('2.2.2.2'), 2, WITHIN);
  const tried = compile(changed, 0, first.plans);

  it('counts at once, and says until when', () => {
    expect([addresses(tried), reasons(tried)]).toEqual(['2.2.2.2', 'AwaitingConfirmation']);
    expect(tried.problems[0]?.message).toContain('2027-01-31T00:10:00.000Z');
    expect(tried.changesAtMs).toBe(AT_MS + 10 * MINUTE_MS);
  });

  it('is taken back when its time is over, and stays so', () => {
    expect(addresses(compile(changed, 9.99, tried.plans))).toBe('2.2.2.2');
    const over = compile(changed, 10, tried.plans);
    expect([addresses(over), reasons(over), over.changesAtMs]).toEqual([
      '1.1.1.1',
      'NotConfirmed',
      undefined,
    ]);
    expect(addresses(compile(changed, 500, over.plans))).toBe('1.1.1.1');
  });

  it('stays where its generation is confirmed, also too late, and not by another one', () => {
    const sure = versioned(list('2.2.2.2'), 2, confirmed(2));
    const kept = compile(sure, 5, tried.plans);
    expect(addresses(compile(sure, 500, kept.plans))).toBe('2.2.2.2');
    const over = compile(changed, 10, tried.plans);
    expect(addresses(compile(sure, 20, over.plans))).toBe('2.2.2.2');
    expect(addresses(compile(versioned(list('2.2.2.2'), 2, confirmed(1)), 10, tried.plans))).toBe('1.1.1.1');
  });

  it('leaves nothing of a list that was new', () => {
    const fresh = compile(changed, 0, compile(undefined, 0).plans);
    expect(addresses(fresh)).toBe('2.2.2.2');
    expect(addresses(compile(changed, 10, fresh.plans))).toBe('');
  });

  it('goes back behind the first of several unconfirmed changes', () => {
    const again = compile(versioned(list('3.3.3.3'), 3, WITHIN), 5, tried.plans);
    expect(addresses(compile(versioned(list('3.3.3.3'), 3, WITHIN), 14, again.plans))).toBe('3.3.3.3');
    expect(addresses(compile(versioned(list('3.3.3.3'), 3, WITHIN), 15, again.plans))).toBe('1.1.1.1');
  });

  it('does not lose its end where the annotation goes, or the list cannot be read any more', () => {
    expect(addresses(compile(versioned(list('2.2.2.2'), 2), 10, tried.plans))).toBe('1.1.1.1');
    const broken = versioned(list('1.1.1'), 3, WITHIN);
    expect(addresses(compile(broken, 5, tried.plans))).toBe('2.2.2.2');
    expect(addresses(compile(broken, 10, compile(broken, 5, tried.plans).plans))).toBe('1.1.1.1');
  });

  it.each(['10', 'soon', '', '-1m', '400d', '0m'])('counts nothing where the time is %j', (text) => {
    const unclear = versioned(list('2.2.2.2'), 2, { 'sallyport.dev/confirm-within': text });
    const after = compile(unclear, 0, first.plans);
    expect([addresses(after), reasons(after)]).toEqual(['1.1.1.1', 'NotConfirmed']);
  });
});

test('commit-confirm of a WorkspaceConf takes back switch and hosts', () => {
  const backends = [{ address: '127.0.0.1', port: 1 }];
  const before = conf({ ingress: { hosts: ['a.example'], backends } });
  const after = conf({ enableIpAccessLists: true, ingress: { hosts: ['b.example'], backends } });
  const first = compile(versioned(before, 1), 0);
  const tried = compile(versioned(after, 2, WITHIN), 0, first.plans);
  const specOf = ({ plans }: CompiledIngress) => plans[0]?.spec;
  expect(specOf(tried)).toMatchObject({ enableIpAccessLists: true, hosts: ['b.example'] });
  const over = compile(versioned(after, 2, WITHIN), 10, tried.plans);
  expect(specOf(over)).toMatchObject({ enableIpAccessLists: false, hosts: ['a.example'] });
  expect(specOf(over)?.revision).toBe(specOf(first)?.revision);
  const sure = compile(versioned(after, 2, confirmed(2)), 20, over.plans);
  expect(specOf(sure)).toMatchObject({ enableIpAccessLists: true, hosts: ['b.example'] });
  expect(specOf(compile(undefined, 20, tried.plans))?.trials).toBeUndefined();
});

const step = fc.oneof(
  fc.record({
    type: fc.constant('edit' as const),
    address: fc.constantFrom('1.1.1.1', '2.2.2.2', '3.3.3.3'),
    isTried: fc.boolean(),
  }),
  fc.record({ type: fc.constant('confirm' as const) }),
  fc.record({ type: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 12 }) }),
);

test('any order of edits, confirmations and waiting gives what was confirmed, or is being tried', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let [minutes, generation, address] = [0, 1, '1.1.1.1'];
      let annotations: Annotations = {};
      /** What is in force in the end if nothing is confirmed, and when a trial ends. */
      let [lasting, endsAt] = ['1.1.1.1', Number.POSITIVE_INFINITY];
      let plans = compile(versioned(list(address), generation), minutes).plans;
      for (const one of steps) {
        if (one.type === 'wait') minutes += one.minutes;
        else if (one.type === 'confirm') {
          annotations = confirmed(generation);
          [lasting, endsAt] = [address, Number.POSITIVE_INFINITY];
        } else {
          if (one.address === address) continue;
          generation += 1;
          address = one.address;
          annotations = one.isTried ? WITHIN : {};
          const isTrial = one.isTried && address !== lasting;
          endsAt = isTrial ? minutes + 10 : Number.POSITIVE_INFINITY;
          if (!isTrial) lasting = address;
        }
        const compiled = compile(versioned(list(address), generation, annotations), minutes, plans);
        plans = compiled.plans;
        expect(addresses(compiled)).toBe(minutes >= endsAt ? lasting : address);
      }
    }),
    { seed: 13, numRuns: 2000 },
  );
});
