// What a user reads about a mistake, and that no mistake opens anything: a running gateway keeps what it understood
// last, and one that starts denies what it never understood.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatProblem } from '../../operator/model/problem.ts';
import { ask } from '../outside/proxy-client.ts';
import { type GatewayFixture, startGateway } from '../support/envoy/gateway-fixture.ts';
import { ALLOWED_HOST, BAD_INPUTS, type BadInput, goodFile, namespaceFile } from './bad-inputs.ts';

/** What the default policy allows: reached by a workspace whose assignment is forgotten. */
const DEFAULT_HOST = 'default.example.com';
const NAMES = [{ name: ALLOWED_HOST }, { name: DEFAULT_HOST }];

const DEFAULT_POLICY = goodFile('default').split('---\n')[1]?.replace(ALLOWED_HOST, DEFAULT_HOST) as string;

let fixture: GatewayFixture;

async function answer(workspace: string, host: string): Promise<string> {
  const { outcome, reason, status } = await ask({ ...fixture.client(workspace), url: `https://${host}/` });
  return `${outcome} ${reason ?? status}`;
}

async function put(name: string, text: string): Promise<void> {
  await writeFile(join(fixture.folder, name), text);
  await fixture.gateway.refresh();
}

function printed(): readonly string[] {
  return fixture.problems.map(formatProblem);
}

/** The row's Problems as they are printed of the file of a workspace. */
function expectedOf(row: BadInput, workspace: string): readonly string[] {
  return row.problems.map((text) => `${workspace}.yaml:${text.replaceAll(/\balpha\b/g, workspace)}`);
}

describe('while it runs', () => {
  beforeAll(async () => {
    const files = {
      'alpha.yaml': goodFile('alpha'),
      'default.yaml': DEFAULT_POLICY,
      'namespaces.yaml': namespaceFile('alpha', 'unassigned'),
    };
    fixture = await startGateway({ names: NAMES, files });
  });

  afterAll(() => fixture.stop());

  afterEach(async () => {
    await put('alpha.yaml', goodFile('alpha'));
    await put('default.yaml', DEFAULT_POLICY);
    await put('namespaces.yaml', namespaceFile('alpha', 'unassigned'));
    expect(printed()).toEqual([]);
  });

  async function expectUnchanged(): Promise<void> {
    expect(await answer('alpha', ALLOWED_HOST)).toBe('ok 200');
    expect(await answer('alpha', DEFAULT_HOST)).toBe('refused DESTINATION_NOT_ALLOWED');
    expect(await answer('unassigned', DEFAULT_HOST)).toBe('ok 200');
    expect(await answer('unassigned', ALLOWED_HOST)).toBe('refused DESTINATION_NOT_ALLOWED');
  }

  test.each(BAD_INPUTS)(
    '$name is printed with its place, and the last good configuration stays',
    async (row) => {
      await put('alpha.yaml', row.spoil(goodFile('alpha'), 'alpha'));
      expect(printed()).toEqual(expectedOf(row, 'alpha'));
      await expectUnchanged();
    },
  );

  test('a new file that cannot be read leaves known workspaces alone and denies a new one without assignment', async () => {
    await put('broken.yaml', 'spec: [');
    await expectUnchanged();
    await put('namespaces.yaml', namespaceFile('alpha', 'late', 'unassigned'));
    const message =
      'Workspace/late: Cannot decide which policy applies: an unreadable file may contain PolicyAssignment "late"; until it is corrected this workspace reaches nothing';
    expect(printed()).toContain(message);
    expect(await answer('late', DEFAULT_HOST)).toBe('refused POLICY_UNREADABLE');
    await expectUnchanged();
    await rm(join(fixture.folder, 'broken.yaml'));
    await fixture.gateway.refresh();
    expect(await answer('late', DEFAULT_HOST)).toBe('ok 200');
  });

  test('an assignment to a policy that does not exist denies everything and says so', async () => {
    await put(
      'alpha.yaml',
      goodFile('alpha').replace('networkPolicyId: alpha-policy', 'networkPolicyId: alfa'),
    );
    const message =
      'PolicyAssignment/alpha: spec.networkPolicyId: Cannot find NetworkPolicy "alfa": create it or assign another; until then this workspace reaches nothing';
    expect(printed()).toEqual([message]);
    expect(await answer('alpha', ALLOWED_HOST)).toBe('refused POLICY_NOT_FOUND');
    expect(await answer('alpha', DEFAULT_HOST)).toBe('refused POLICY_NOT_FOUND');
  });

  test('an empty list of destinations allows nothing', async () => {
    const empty = goodFile('alpha').replace(/Destinations:\n.*\n/, 'Destinations: []\n');
    await put('alpha.yaml', empty);
    expect(printed()).toEqual([]);
    expect(await answer('alpha', ALLOWED_HOST)).toBe('refused DESTINATION_NOT_ALLOWED');
  });

  test('a folder in which nothing is left counts as a mistake', async () => {
    await rename(fixture.folder, `${fixture.folder}-before`);
    await mkdir(fixture.folder);
    await fixture.gateway.refresh();
    expect(printed()).toEqual([
      `Cannot find any YAML file in folder "${fixture.folder}": the last configuration stays in force until there is one; to take everything down, end the command`,
    ]);
    await expectUnchanged();
  });

  test('a folder that is removed and created again is watched again', async () => {
    await rename(fixture.folder, `${fixture.folder}-away`);
    await fixture.gateway.refresh();
    expect(printed()).toEqual([
      `Cannot read folder "${fixture.folder}": it does not exist; the last configuration stays in force until it is back`,
    ]);
    await expectUnchanged();
    await rename(`${fixture.folder}-away`, fixture.folder);
    await fixture.gateway.refresh();
    expect(printed()).toEqual([]);
    await expectUnchanged();
  });
});

describe('from the start', () => {
  const ROWS = BAD_INPUTS.map((row, at) => [row.name, { ...row, workspace: `row-${at}` }] as const);

  beforeAll(async () => {
    const spoilt = ROWS.map(([, { workspace, spoil }]) => [
      `${workspace}.yaml`,
      spoil(goodFile(workspace), workspace),
    ]);
    const workspaces = ROWS.map(([, { workspace }]) => workspace);
    const files = {
      ...Object.fromEntries(spoilt),
      'good.yaml': goodFile('good'),
      'default.yaml': DEFAULT_POLICY,
      'namespaces.yaml': namespaceFile('good', 'unassigned', ...workspaces),
    } as Readonly<Record<string, string>>;
    fixture = await startGateway({ names: NAMES, files });
  });

  afterAll(() => fixture.stop());

  test.each(ROWS)('%s is printed with its place, and its workspace reaches nothing', async (_name, row) => {
    expect(printed()).toEqual(expect.arrayContaining([...expectedOf(row, row.workspace)]));
    expect(await answer(row.workspace, ALLOWED_HOST)).toBe('refused POLICY_UNREADABLE');
    expect(await answer(row.workspace, DEFAULT_HOST)).toBe('refused POLICY_UNREADABLE');
  });

  test('a workspace that is understood works beside them', async () => {
    expect(await answer('good', ALLOWED_HOST)).toBe('ok 200');
    expect(await answer('good', DEFAULT_HOST)).toBe('refused DESTINATION_NOT_ALLOWED');
  });

  test('a workspace whose assignment may be in a file that cannot be read does not fall to the default policy', async () => {
    expect(await answer('unassigned', DEFAULT_HOST)).toBe('refused POLICY_UNREADABLE');
  });
});
