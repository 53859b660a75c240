import { formatKey, keyOf } from '../model/snapshot.ts';
import { type Merged, mergeFiles, NOTHING_KNOWN } from './last-good.ts';
import { parseYamlFile } from './yaml-file.ts';

const BROKEN = 'spec: [';

function namespaces(...names: readonly string[]): string {
  return names
    .map(
      (name) =>
        `{apiVersion: v1, kind: Namespace, metadata: {name: ${name}, labels: {sallyport.dev/workspace: ${name}}}}\n`,
    )
    .join('---\n');
}

function assignment(workspace: string, policy = 'strict'): string {
  return `{apiVersion: sallyport.dev/v1alpha1, kind: PolicyAssignment, metadata: {name: ${workspace}}, spec: {networkPolicyId: ${policy}}}\n`;
}

/** A typing error in an assignment whose name is known. */
function misspelt(workspace: string): string {
  return assignment(workspace).replace('networkPolicyId', 'policy');
}

/** Reads these files one after the other, as a folder that changes. */
function read(...readings: readonly Readonly<Record<string, string>>[]): Merged {
  let merged = mergeFiles(new Map(), NOTHING_KNOWN);
  for (const texts of readings) {
    const files = Object.entries(texts).map(([name, text]) => [name, parseYamlFile(name, text)] as const);
    merged = mergeFiles(new Map(files), merged.lastGood);
  }
  return merged;
}

function objectsOf({ snapshot }: Merged): readonly string[] {
  return snapshot.objects.map((object) => formatKey(keyOf(object))).toSorted();
}

function unreadableOf({ snapshot }: Merged): readonly string[] {
  return snapshot.unreadable.map(formatKey);
}

function policyOf({ snapshot }: Merged): unknown {
  return snapshot.objects.map((object) => object.kind === 'PolicyAssignment' && object.spec.networkPolicyId);
}

test('mergeFiles() takes the objects of all files, and forgets one that is removed', () => {
  const both = { 'a.yaml': namespaces('a'), 'b.yaml': assignment('a') };
  expect(objectsOf(read(both))).toEqual(['PolicyAssignment/a', 'Workspace/a']);
  expect(objectsOf(read(both, { 'a.yaml': namespaces('a') }))).toEqual(['Workspace/a']);
});

test('mergeFiles() keeps the last good version of an object that cannot be understood now', () => {
  const merged = read({ 'a.yaml': assignment('a', 'strict') }, { 'a.yaml': misspelt('a') });
  expect(policyOf(merged)).toEqual(['strict']);
  expect(unreadableOf(merged)).toEqual([]);
  expect(merged.problems).toHaveLength(1);
  expect(policyOf(read({ 'a.yaml': misspelt('a') }, { 'a.yaml': assignment('a', 'new') }))).toEqual(['new']);
});

test('mergeFiles() reports an object as unreadable that was never understood', () => {
  const merged = read({ 'a.yaml': misspelt('a') });
  expect(objectsOf(merged)).toEqual([]);
  expect(unreadableOf(merged)).toEqual(['PolicyAssignment/a']);
});

test('mergeFiles() keeps all of a file that is no YAML now, and forgets it with the file', () => {
  const good = { 'a.yaml': assignment('a') + '---\n' + namespaces('a') };
  expect(objectsOf(read(good, { 'a.yaml': BROKEN }))).toEqual(['PolicyAssignment/a', 'Workspace/a']);
  expect(objectsOf(read(good, { 'a.yaml': BROKEN }, {}))).toEqual([]);
});

test('mergeFiles() keeps what an object of an unknown kind may have been', () => {
  const typo = assignment('a').replace('kind: PolicyAssignment', 'kind: PolicyAsignment');
  expect(policyOf(read({ 'a.yaml': assignment('a') }, { 'a.yaml': typo }))).toEqual(['strict']);
});

test('mergeFiles() takes neither of two objects of one name, and keeps the last good one', () => {
  const twice = { 'a.yaml': assignment('a', 'first'), 'b.yaml': `# two\n${assignment('a', 'second')}` };
  const merged = read(twice);
  expect(unreadableOf(merged)).toEqual(['PolicyAssignment/a']);
  expect(merged.problems).toMatchObject([
    { reason: 'DuplicateObject', object: 'PolicyAssignment/a', file: 'b.yaml', line: 2 },
  ]);
  expect(merged.problems[0]?.message).toContain('the other is in a.yaml:1');
  expect(policyOf(read({ 'b.yaml': assignment('a', 'second') }, twice))).toEqual(['second']);
});

test('mergeFiles() does not take a good object beside one of its name that cannot be understood', () => {
  const merged = read({ 'a.yaml': assignment('a', 'open'), 'b.yaml': misspelt('a') });
  expect(objectsOf(merged)).toEqual([]);
  expect(unreadableOf(merged)).toEqual(['PolicyAssignment/a']);
});

describe('mergeFiles() with a file that may hold an assignment', () => {
  const files = { 'b.yaml': BROKEN, 'n.yaml': namespaces('a', 'b') };

  test('leaves no workspace to the default policy that was never seen without an assignment', () => {
    const merged = read({ ...files, 'c.yaml': assignment('b') });
    expect(unreadableOf(merged)).toEqual(['PolicyAssignment/a']);
    expect(merged.problems.at(-1)).toMatchObject({
      reason: 'NetworkPolicyUnreadable',
      object: 'Workspace/a',
    });
  });

  test('stays in doubt for as long as the file is broken, and no longer', () => {
    expect(unreadableOf(read(files, files))).toEqual(['PolicyAssignment/a', 'PolicyAssignment/b']);
    expect(unreadableOf(read(files, { ...files, 'b.yaml': assignment('b') }))).toEqual([]);
  });

  test('leaves workspaces alone that had none before the file broke', () => {
    const merged = read({ 'n.yaml': namespaces('a') }, files, files);
    expect(unreadableOf(merged)).toEqual(['PolicyAssignment/b']);
  });

  test('does not doubt a workspace whose assignment is kept', () => {
    const merged = read({ ...files, 'b.yaml': assignment('b') }, files);
    expect(objectsOf(merged)).toContain('PolicyAssignment/b');
    expect(unreadableOf(merged)).toEqual([]);
  });

  test('doubts a workspace whose assignment was removed while another file is broken', () => {
    const assigned = { 'a.yaml': assignment('a'), 'n.yaml': namespaces('a') };
    expect(unreadableOf(read(assigned, { 'b.yaml': BROKEN, 'n.yaml': namespaces('a') }))).toEqual([
      'PolicyAssignment/a',
    ]);
  });
});

test('mergeFiles() says whether a file that was never read may hold further objects', () => {
  const isIncomplete = (...readings: readonly Readonly<Record<string, string>>[]) =>
    read(...readings).snapshot.isIncomplete === true;
  const good = { 'a.yaml': namespaces('a') };
  const broken = { 'a.yaml': BROKEN };
  expect(isIncomplete(good)).toBe(false);
  expect(isIncomplete(broken)).toBe(true);
  expect(isIncomplete({ 'a.yaml': '' })).toBe(true);
  expect(isIncomplete(good, broken)).toBe(false);
  expect(isIncomplete(good, broken, { ...broken, 'b.yaml': BROKEN })).toBe(true);
  expect(isIncomplete(good, {}, broken)).toBe(true);
  expect(isIncomplete(broken, good)).toBe(false);
});
