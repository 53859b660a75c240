import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { manifest, policyManifest, workspaceManifest } from '../../test/fixtures/object-fixture.ts';
import { readFolder } from '../sources/folder.ts';
import {
  type Destination,
  type ExplainRequest,
  type Explanation,
  explain,
  formatExplanation,
  parseDestination,
} from './explain.ts';

const CONNECT_443 = { port: 443, via: 'CONNECT' } as const;

test.each([
  ['example.com', { host: 'example.com', ...CONNECT_443 }],
  ['example.com:8443', { host: 'example.com', port: 8443, via: 'CONNECT' }],
  ['example.com:80', { host: 'example.com', port: 80, via: 'HTTP' }],
  ['https://example.com', { host: 'example.com', ...CONNECT_443 }],
  ['https://example.com:80/', { host: 'example.com', port: 80, via: 'CONNECT' }],
  ['http://example.com:8080', { host: 'example.com', port: 8080, via: 'HTTP' }],
  ['https://example.com/a/path:with?query', { host: 'example.com', ...CONNECT_443 }],
  ['[2001:db8::7]:8443', { host: '[2001:db8::7]', port: 8443, via: 'CONNECT' }],
  ['192.0.2.7', { host: '192.0.2.7', ...CONNECT_443 }],
])('parseDestination() reads %s', (text, destination) => {
  expect(parseDestination(text)).toEqual(destination);
});

test.each(['', 'ftp://example.com', 'example.com:0', 'example.com:65536', 'a:b:c', 'https://'])(
  'parseDestination() does not read %j',
  (text) => {
    expect(parseDestination(text)).toBeUndefined();
  },
);

describe('explain()', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-explain-'));
    const access = {
      allowedInternetDestinations: [
        { destination: '*.example.com' },
        { destination: 'late.example', expiresAt: '2026-01-01T00:00:00Z' },
      ],
      policyEnforcement: {
        enforcementMode: 'DRY_RUN',
        dryRunModeProductFilter: ['DBSQL'],
        mlBuildEnforcement: 'EXEMPT',
      },
    };
    const objects = [
      workspaceManifest('alpha'),
      manifest('PolicyAssignment', 'alpha', { networkPolicyId: 'strict' }),
      policyManifest('strict', access),
    ];
    await writeFile(join(folder, 'good.yaml'), objects.map((object) => `---\n${dump(object)}`).join(''));
    await writeFile(join(folder, 'bad.yaml'), '---\nnothing: here\n');
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  const EXPIRY_MS = Date.parse('2026-01-01T00:00:00Z');

  async function explained(text: string, changes: Partial<ExplainRequest> = {}): Promise<Explanation> {
    const destination = parseDestination(text) as Destination;
    return explain(await readFolder(folder), {
      folder,
      workspace: 'alpha',
      product: 'JOBS',
      destination,
      atMs: EXPIRY_MS - 1,
      ...changes,
    });
  }

  /** The values behind these labels. */
  async function linesOf(
    explanation: Promise<Explanation>,
    ...labels: readonly string[]
  ): Promise<readonly string[]> {
    const text = formatExplanation(await explanation);
    return labels.map((label) => new RegExp(`^${label} +(.*)$`, 'm').exec(text)?.[1] ?? '');
  }

  const RULE = 'allowedInternetDestinations "*.example.com" of NetworkPolicy/strict';

  test.each<[string, Partial<ExplainRequest>, readonly string[]]>([
    ['a.example.com', {}, ['enforced', 'ALLOW', RULE]],
    ['example.com', {}, ['enforced', 'DROP', '-']],
    ['a.example.com:22', {}, ['enforced', 'DROP', RULE]],
    [
      'example.com',
      { product: 'DBSQL' },
      ['dry-run (logs, denies only what every lane denies)', 'DRY_RUN_DENIAL', '-'],
    ],
    ['example.com', { product: 'ML_BUILD' }, ['full (no gateway)', 'ALLOW', '-']],
    ['a.example.com', { product: 'PROVISIONED_THROUGHPUT' }, ['sealed', 'DROP', RULE]],
    ['late.example', {}, ['enforced', 'ALLOW', RULE.replace('*.example.com', 'late.example')]],
    ['late.example', { atMs: EXPIRY_MS }, ['enforced', 'DROP', '-']],
  ])('says of %s, %j lane, verdict and rule', async (text, changes, lines) => {
    expect(await linesOf(explained(text, changes), 'Lane', 'Verdict', 'Rule')).toEqual(lines);
  });

  test('finds the workspace by its id as well, and says the reason in words', async () => {
    const lines = await linesOf(
      explained('http://b.example', { workspace: 'id-alpha' }),
      'Workspace',
      'Destination',
      'Reason',
    );
    expect(lines).toEqual([
      'alpha (id-alpha)',
      'b.example:80 plain HTTP',
      'DESTINATION_NOT_ALLOWED: no allowed destination matches',
    ]);
  });

  test.each([
    ['169.254.169.254', 'nothing allows them, since they give out the credentials of the node'],
    ['192.0.2.7', 'no entry allows addresses: let the client ask by name'],
    ['a.example.com', ''],
  ])('says of %s the next step', async (text, step) => {
    const [line = ''] = await linesOf(explained(text), 'Next step');
    expect(line.slice(0, step.length || undefined)).toBe(step);
  });

  test('shows the problems of the folder beside the answer', async () => {
    expect(formatExplanation(await explained('a.example.com'))).toMatch(/\nProblem +bad\.yaml:2: /);
  });

  test('names the entry of the policy that has expired', async () => {
    const problem = 'The entry "late.example" has no effect, since it expired at 2026-01-01T00:00:00Z';
    const [before, after] = await Promise.all(
      [EXPIRY_MS - 1, EXPIRY_MS].map(async (atMs) =>
        formatExplanation(await explained('late.example', { atMs })),
      ),
    );
    expect(before).not.toContain(problem);
    expect(after?.split(problem)).toHaveLength(2);
  });

  test('says which workspaces there are, and shows the problems, where there is no such one', async () => {
    const text = formatExplanation(await explained('a.example.com', { workspace: 'beta' }));
    expect(text).toMatch(
      /^Cannot find workspace "beta" in ".*": the folder has "alpha"\nProblem +bad\.yaml:2: /,
    );
  });
});
