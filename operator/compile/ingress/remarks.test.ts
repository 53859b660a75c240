// What is in force and yet not what people may have meant: annotations without effect, lists that allow nobody.
import type { Manifest } from '../../../test/fixtures/object-fixture.ts';
import { manifest, readSnapshot, workspaceManifest } from '../../../test/fixtures/object-fixture.ts';
import {
  CONFIRM_LOCKOUT,
  CONFIRM_WITHIN,
  CONFIRMED,
  WRITTEN_BY_API,
} from '../../model/access-annotations.ts';
import { type CompiledIngress, compileIngress } from './ingress-plans.ts';

const SETTINGS = { systemNamespace: 'sallyport-system', backendField: 'address' } as const;
const AT_MS = Date.parse('2027-01-31T00:00:00Z');
const OFFICE = '1.1.1.1';
const CALLER = { workspace: 'team', address: OFFICE, user: 'ann', lastSeen: new Date(AT_MS).toISOString() };

type Annotations = Readonly<Record<string, string>>;

function list(name: string, ipAddresses: readonly string[], more: Readonly<Record<string, unknown>> = {}) {
  const spec = { label: name, listType: 'ALLOW', ipAddresses: [...ipAddresses], ...more };
  return manifest('IpAccessList', name, spec, 'team');
}

function conf(isOn = true): Manifest {
  return manifest('WorkspaceConf', 'workspace', { enableIpAccessLists: isOn }, 'team');
}

function annotated(object: Manifest, annotations: Annotations): Manifest {
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function compile(manifests: readonly Manifest[], before: CompiledIngress['plans'] = []): CompiledIngress {
  const snapshot = readSnapshot(workspaceManifest('team'), ...manifests);
  return compileIngress(snapshot, SETTINGS, before, { atMs: AT_MS, callers: [CALLER] });
}

function told(manifests: readonly Manifest[]): readonly (string | undefined)[] {
  return compile(manifests).problems.map(({ object, reason, field }) => `${object} ${reason} ${field}`);
}

const AT_LIST = 'IpAccessList/team/office AnnotationIgnored metadata.annotations';

describe('annotations', () => {
  it.each<[string, Annotations, readonly string[]]>([
    ['misspelt', { 'sallyport.dev/confirm-wihtin': '10m' }, ['[sallyport.dev/confirm-wihtin]']],
    ['a value that is no address', { [CONFIRM_LOCKOUT]: 'yes' }, [`[${CONFIRM_LOCKOUT}]`]],
    ['one of several that is none', { [CONFIRM_LOCKOUT]: `${OFFICE},no` }, [`[${CONFIRM_LOCKOUT}]`]],
    ['a word for a version', { [CONFIRMED]: 'yes' }, [`[${CONFIRMED}]`]],
    ['addresses', { [CONFIRM_LOCKOUT]: `${OFFICE}, ::1` }, []],
    ['a version of the past', { [CONFIRMED]: '7' }, []],
    ['those of the API', Object.fromEntries(WRITTEN_BY_API.map((name) => [name, '1'])), []],
    ['those of others', { 'example.com/confirm': 'yes' }, []],
  ])('are named where they have no effect: %s', (_, annotations, wanted) => {
    const office = list('office', [OFFICE]);
    expect(told([annotated(office, annotations), conf()])).toEqual(wanted.map((text) => AT_LIST + text));
    const ofConf = told([office, annotated(conf(), annotations)]);
    expect(ofConf).toHaveLength(wanted.length);
  });

  it('name the known ones', () => {
    const [problem] = compile([annotated(conf(), { 'sallyport.dev/confirm': '1' })]).problems;
    for (const name of [CONFIRM_WITHIN, CONFIRMED, CONFIRM_LOCKOUT]) expect(problem?.message).toContain(name);
  });

  it('tell of a duration once, whether it is waited for or not', () => {
    const office = annotated(list('office', [OFFICE]), { [CONFIRM_WITHIN]: 'soon' });
    expect(compile([office, conf()]).problems.map(({ reason }) => reason)).toEqual(['NotConfirmed']);
    const known = compile([list('office', [OFFICE]), conf()]);
    expect(compile([office, conf()], known.plans).problems).toMatchObject([{ reason: 'AnnotationIgnored' }]);
  });

  it('confirm no lock-out by a value that is not understood', () => {
    const before = compile([list('office', [OFFICE]), conf()]);
    for (const value of ['yes', 'True', `${OFFICE}/32`, '']) {
      const elsewhere = annotated(list('office', ['2.2.2.2']), { [CONFIRM_LOCKOUT]: value });
      const after = compile([elsewhere, conf()], before.plans);
      expect(after.plans[0]?.spec.lists).toMatchObject([{ ipAddresses: [OFFICE] }]);
      expect(after.problems.map(({ reason }) => reason)).toEqual(['WouldLockOut', 'AnnotationIgnored']);
    }
  });
});

describe('an ALLOW list without addresses', () => {
  const EMPTY = 'IpAccessList/team/office DeniesEverybody spec.ipAddresses';

  it.each<[string, readonly Manifest[], readonly string[]]>([
    ['alone', [list('office', []), conf()], [EMPTY]],
    ['before lists apply', [list('office', []), conf(false)], [EMPTY]],
    [
      'beside a list that blocks',
      [list('office', []), list('b', ['3.3.3.3'], { listType: 'BLOCK' })],
      [EMPTY],
    ],
    [
      'beside one that is not enforced',
      [list('office', []), list('b', ['3.3.3.3'], { mode: 'DRY_RUN' })],
      [EMPTY],
    ],
    ['beside one that allows', [list('office', []), list('b', ['3.3.3.3']), conf()], []],
    ['that is not enabled', [list('office', [], { enabled: false }), conf()], []],
    ['that denies nobody', [list('office', [], { mode: 'DRY_RUN' }), conf()], []],
    ['that blocks', [list('office', [], { listType: 'BLOCK' }), conf()], []],
  ])('%s is a problem where it denies everybody', (_, manifests, wanted) => {
    const compiled = compileIngress(readSnapshot(workspaceManifest('team'), ...manifests), SETTINGS);
    const reasons = compiled.problems.map(({ object, reason, field }) => `${object} ${reason} ${field}`);
    expect(reasons).toEqual(wanted);
  });
});
