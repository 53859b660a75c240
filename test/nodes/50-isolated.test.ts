// The condition Isolated says what canary pods saw of this cluster: True where the CNI enforces, and with CNI=bridge False,
// with what came through, so that no workspace is Ready.
import { kubectlJson } from '../support/nodes/commands.ts';
import { until } from '../support/until.ts';

const ENFORCES = process.env['CNI'] !== 'bridge';

interface Conditioned {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
    }[];
  };
}

async function conditions(workspace: string): Promise<Readonly<Record<string, string>>> {
  const { status } = await kubectlJson<Conditioned>(['get', 'spa', workspace]);
  const all = (status?.conditions ?? []).map((one) => [
    one.type,
    `${one.status} ${one.reason}: ${one.message}`,
  ]);
  return Object.fromEntries(all) as Record<string, string>;
}

test('Isolated and Ready say what the CNI enforces', async () => {
  await until(
    'it is measured',
    async () => /^(True|False)/.test((await conditions('ws-a'))['Isolated'] ?? ''),
    180_000,
  );
  const { Isolated, Ready } = await conditions('ws-a');
  process.stderr.write(`Isolated: ${Isolated}\nReady: ${Ready}\n`);
  if (ENFORCES)
    expect([Isolated, Ready]).toEqual([expect.stringMatching(/^True /), expect.stringMatching(/^True /)]);
  else {
    expect(Isolated).toMatch(/^False NotEnforced: .*reached/);
    expect(Ready).toMatch(/^False NotEnforced: /);
  }
});
