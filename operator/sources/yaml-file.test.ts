import { parseYamlFile } from './yaml-file.ts';

const NAMESPACE = `apiVersion: v1
kind: Namespace
metadata:
  name: alpha
  labels: {sallyport.dev/workspace: "1"}
`;

const ASSIGNMENT = `apiVersion: sallyport.dev/v1alpha1
kind: PolicyAssignment
metadata:
  name: alpha
spec:
  networkPolicyId: strict
`;

const FOREIGN = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n';

function problemsOf(text: string): readonly string[] {
  return parseYamlFile('a.yaml', text).problems.map(({ line, message }) => `${line}: ${message}`);
}

const UNTIL_CORRECTED =
  'correct the file; until then what this run has read of it last stays in force, and what it never read is denied';

test('parseYamlFile() finds every object with its line, and passes over what is not ours', () => {
  const { objects, ...rest } = parseYamlFile('a.yaml', [NAMESPACE, FOREIGN, ASSIGNMENT].join('---\n'));
  expect(objects.map(({ object, line }) => `${line()} ${object.kind}/${object.metadata.name}`)).toEqual([
    '1 Workspace/alpha',
    '11 PolicyAssignment/alpha',
  ]);
  expect(rest).toEqual({ unreadable: [], problems: [], broken: false });
});

test('parseYamlFile() reads JSON, a List as kubectl prints it, and documents that hold nothing', () => {
  const item = { apiVersion: 'sallyport.dev/v1alpha1', kind: 'PolicyAssignment', metadata: { name: 'a' } };
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [item] });
  expect(parseYamlFile('a.json', list).objects).toHaveLength(1);
  expect(parseYamlFile('a.yaml', `---\n# only a comment\n---\n${NAMESPACE}---\n`).objects).toHaveLength(1);
});

test('parseYamlFile() names the line of a fault in an item of a List', () => {
  const item = ASSIGNMENT.replace('networkPolicyId', 'policy').replaceAll(/^/gm, '    ');
  const { problems, unreadable } = parseYamlFile('a.yaml', `kind: List\nitems:\n  -\n${item}`);
  expect(problems).toMatchObject([{ file: 'a.yaml', line: 9, object: 'PolicyAssignment/alpha' }]);
  expect(unreadable).toEqual([{ kind: 'PolicyAssignment', name: 'alpha', namespace: '' }]);
});

test('parseYamlFile() names the line of each fault of an object, and the one that a missing field belongs to', () => {
  const text = `${NAMESPACE}---\n${ASSIGNMENT.replace('strict', 'not/an/id')}  policy: x\n`;
  expect(problemsOf(text)).toEqual([
    expect.stringMatching(/^12: Cannot accept "not\/an\/id": use at most 32 letters/),
    expect.stringMatching(/^13: Cannot accept unknown field "policy"/),
  ]);
  expect(problemsOf('apiVersion: v1\nkind: Namespace\nmetadata:\n  labels: {}\n')).toEqual([
    expect.stringMatching(/^3: Cannot leave this field out/),
  ]);
});

test('parseYamlFile() takes an object without a known name for one that could be any', () => {
  expect(parseYamlFile('a.yaml', ASSIGNMENT.replace('name:', 'nam:'))).toMatchObject({ broken: true });
  expect(parseYamlFile('a.yaml', ASSIGNMENT.replace('Assignment', 'Asignment'))).toMatchObject({
    broken: true,
  });
  expect(parseYamlFile('a.yaml', ASSIGNMENT.replace('networkPolicyId', 'policy'))).toMatchObject({
    broken: false,
  });
});

test.each([
  ['', `1: Cannot read YAML: the file is empty; ${UNTIL_CORRECTED}`],
  [' \n\n', `1: Cannot read YAML: the file is empty; ${UNTIL_CORRECTED}`],
  ['a: [1\n', `2: Cannot read YAML: deficient indentation; ${UNTIL_CORRECTED}`],
  ['a: 1\na: 2\n', `2: Cannot read YAML: duplicated mapping key; ${UNTIL_CORRECTED}`],
  [
    'a: 1\nb: *.example.com\n',
    `2: Cannot read YAML: a value that begins with "*" needs quotes, "*.example.com"; ${UNTIL_CORRECTED}`,
  ],
  ['a: 1\nb: *\n', `2: Cannot read YAML: a value that begins with "*" needs quotes, "*"; ${UNTIL_CORRECTED}`],
])('parseYamlFile() says of %j where it is no YAML', (text, problem) => {
  expect(problemsOf(text)).toEqual([problem]);
  expect(parseYamlFile('a.yaml', text)).toMatchObject({ objects: [], unreadable: [], broken: true });
});

test('parseYamlFile() follows anchors, many times, and does not unfold those that multiply', () => {
  const policy = `apiVersion: sallyport.dev/v1alpha1
kind: NetworkPolicy
metadata: {name: strict}
spec:
  egress:
    networkAccess:
      restrictionMode: RESTRICTED_ACCESS
      allowedInternetDestinations:
        - {destination: a.example.com, ports: &ports [{port: 8443}]}
`;
  const more = Array.from(
    { length: 300 },
    (_, at) => `        - {destination: b${at}.example.com, ports: *ports}\n`,
  );
  expect(parseYamlFile('a.yaml', policy + more.join('')).objects).toHaveLength(1);
  const levels = Array.from({ length: 9 }, (_, at) => `l${at + 1}: &l${at + 1} [${`*l${at},`.repeat(9)}]\n`);
  expect(problemsOf(`l0: &l0 [x]\n${levels.join('')}`)).toHaveLength(2);
});
