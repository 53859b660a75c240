// A denial where people look first: `kubectl describe` of the pod and of its owner says policy, reason and the line to add.
// The test takes that very line out of the Event and pastes it into the policy, and the connection is allowed.
import { apply, kubectl } from '../support/nodes/commands.ts';
import { removeAgain } from '../support/nodes/installation.ts';
import { onePod } from '../support/nodes/pods.ts';
import { outcomesOf, type Workload, workloadYaml } from '../support/nodes/probes.ts';
import { type Attempt, reach } from '../support/nodes/reach.ts';
import { BUCKET_HOST, workspace } from '../support/nodes/workspaces.ts';
import { until } from '../support/until.ts';

const ID = Math.floor(Date.now() / 1000);
const TOLD = `told-${ID.toString(36)}`;
const TOLD_DRY = `told-dry-${ID.toString(36)}`;
const HOSTS = ['denied.example:443', 'later.example:8443', `${BUCKET_HOST}:443`] as const;
const ASKED = HOSTS.map((host): Attempt => ({ way: 'proxy', url: `https://${host}/` }));
const ALLOWED = 'allowed.example';
/** The list, and the line that is to be pasted there. */
const ADVICE = /To allow it, add under (\w+): (- .+)$/;
const LISTS = ['allowedInternetDestinations', 'allowedStorageDestinations'];

interface Pasted {
  readonly list: string;
  readonly line: string;
}

/** As a person has it in a file; a line that is pasted stands below the list's name. */
function policyText(name: string, mode: string, pasted: readonly Pasted[] = []): string {
  return [
    'apiVersion: sallyport.dev/v1alpha1',
    'kind: NetworkPolicy',
    `metadata: { name: ${name} }`,
    'spec:',
    '  egress:',
    '    networkAccess:',
    '      restrictionMode: RESTRICTED_ACCESS',
    `      policyEnforcement: { enforcementMode: ${mode} }`,
    ...LISTS.flatMap((list) => {
      const lines = pasted.filter((one) => one.list === list).map(({ line }) => line);
      if (list === LISTS[0]) lines.push(`- destination: ${ALLOWED}`);
      return lines.length === 0 ? [] : [`      ${list}:`, ...lines.map((line) => `        ${line}`)];
    }),
  ].join('\n');
}

async function start(
  workload: Pick<Workload, 'kind' | 'name' | 'namespace'>,
  attempts = ASKED,
): Promise<void> {
  await apply(await workloadYaml({ ...workload, attempts }));
}

interface Told extends Pasted {
  readonly reason: string;
  readonly text: string;
}

/** The Events in `kubectl describe` that name one of the hosts, by host. */
async function told(namespace: string, object: string): Promise<ReadonlyMap<string, Told>> {
  const found = new Map<string, Told>();
  const described = `kubectl describe ${object} names all hosts`;
  await until(described, async () => {
    const text = await kubectl(['-n', namespace, 'describe', ...object.split(' ')]);
    for (const line of text.split('\n')) {
      const host = HOSTS.find((name) => line.includes(` ${name}. `));
      if (host === undefined) continue;
      const [, reason = ''] = /^\s*Warning\s+(\w+)/.exec(line) ?? [];
      const [, list = '', pasted = ''] = ADVICE.exec(line.trimEnd()) ?? [];
      found.set(host, { reason, text: line, list, line: pasted });
    }
    return found.size === HOSTS.length;
  });
  return found;
}

const outcomes = async (namespace: string): Promise<readonly string[]> => {
  const named = Object.fromEntries(HOSTS.map((host, at) => [host, ASKED[at] as Attempt]));
  return Object.values(await reach(namespace, named));
};

beforeAll(async () => {
  await apply(policyText(TOLD, 'ENFORCED'));
  await apply(policyText(TOLD_DRY, 'DRY_RUN'));
  await apply(workspace(TOLD, ID, TOLD) + workspace(TOLD_DRY, ID + 1, TOLD_DRY));
  for (const name of [TOLD, TOLD_DRY])
    await kubectl(['wait', '--for=condition=Ready', `spa/${name}`, '--timeout=60s']);
}, 150_000);

afterAll(() => removeAgain([TOLD, TOLD_DRY], [TOLD, TOLD_DRY]));

test('pod and Deployment say policy, reason and line; with the pasted lines the connections are allowed', async () => {
  await start({ kind: 'Deployment', name: 'client', namespace: TOLD });
  await kubectl(['-n', TOLD, 'rollout', 'status', 'deploy/client', '--timeout=60s']);
  const pod = await onePod(TOLD, 'app=client');
  const denied = ['DESTINATION_NOT_ALLOWED', 'DESTINATION_NOT_ALLOWED', 'BUCKET_NOT_ALLOWED'];
  expect(await outcomesOf(pod)).toEqual(denied.map((reason) => `403 ${reason}`));
  const ofPod = await told(TOLD, `pod ${pod.metadata.name}`);
  const ofOwner = await told(TOLD, 'deployment client');
  for (const [at, host] of HOSTS.entries()) {
    const { reason, text, list, line } = ofPod.get(host) as Told;
    expect(reason).toBe('EgressDenied');
    expect(list).toBe(LISTS[host === `${BUCKET_HOST}:443` ? 1 : 0]);
    expect(text).toContain(`Denied: ${host}. Policy "${TOLD}": ${denied[at]}, `);
    expect(ofOwner.get(host)).toMatchObject({ reason, list, line });
  }
  await apply(policyText(TOLD, 'ENFORCED', [...ofPod.values()]));
  await until('all pasted lines are in force', async () =>
    (await outcomes(TOLD)).every((outcome) => outcome === '200'),
  );
  // No more than that.
  expect(
    await reach(TOLD, {
      port: { way: 'proxy', url: 'https://denied.example:8443/' },
      below: { way: 'proxy', url: 'https://below.denied.example/' },
    }),
  ).toEqual({ port: '403 PORT_NOT_ALLOWED', below: '403 DESTINATION_NOT_ALLOWED' });
});

test('a Job that has ended says it too', async () => {
  await apply(policyText(TOLD, 'ENFORCED'));
  await until('the lines are out of force again', async () =>
    (await outcomes(TOLD)).every((outcome) => outcome.startsWith('403')),
  );
  await start({ kind: 'Job', name: 'nightly', namespace: TOLD });
  await kubectl(['-n', TOLD, 'wait', '--for=condition=Complete', 'job/nightly', '--timeout=60s']);
  const ofJob = await told(TOLD, 'job nightly');
  for (const { reason, line } of ofJob.values())
    expect([reason, line]).toEqual(['EgressDenied', expect.stringMatching(/^- /)]);
});

test('in dry-run the connection passes, and the Event says what enforcement takes', async () => {
  await start({ kind: 'Deployment', name: 'client', namespace: TOLD_DRY });
  await kubectl(['-n', TOLD_DRY, 'rollout', 'status', 'deploy/client', '--timeout=60s']);
  const pod = await onePod(TOLD_DRY, 'app=client');
  expect(await outcomesOf(pod)).toEqual(HOSTS.map(() => '200'));
  const ofPod = await told(TOLD_DRY, `pod ${pod.metadata.name}`);
  const pasted = HOSTS.map((host) => {
    const found = ofPod.get(host) as Told;
    const { reason, text } = found;
    expect(reason).toBe('EgressWouldBeDenied');
    expect(text).toContain(
      `Would be denied, and passes since the policy is in dry-run: ${host}. Policy "${TOLD_DRY}"`,
    );
    return found;
  });
  await apply(policyText(TOLD_DRY, 'ENFORCED', pasted.slice(0, 1)));
  // The mode takes a restart (R39).
  await kubectl(['wait', '--for=condition=RestartRequired', `spa/${TOLD_DRY}`, '--timeout=60s']);
  await kubectl(['-n', TOLD_DRY, 'rollout', 'restart', 'deploy/client']);
  await kubectl(['-n', TOLD_DRY, 'rollout', 'status', 'deploy/client', '--timeout=90s']);
  await until('only the pasted line is allowed', async () => {
    const [first, ...others] = await outcomes(TOLD_DRY);
    return first === '200' && others.every((outcome) => outcome.startsWith('403'));
  });
});
