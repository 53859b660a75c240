import { TIER_LABEL, WORKSPACE_LABEL, workspaceNamesSchema, workspaceOf } from './workspace.ts';

function tierOf(tier: string): unknown {
  return workspaceOf({ name: 'team-a', labels: { [WORKSPACE_LABEL]: '1', [TIER_LABEL]: tier } });
}

describe('workspaceOf()', () => {
  it('takes a Namespace without the label for no workspace', () => {
    expect(workspaceOf({ name: 'kube-system', labels: { [TIER_LABEL]: 'STANDARD' } })).toBeUndefined();
    expect(workspaceOf({ name: 'kube-system' })).toBeUndefined();
  });

  it('counts a workspace without a tier as ENTERPRISE', () => {
    expect(workspaceOf({ name: 'team-a', labels: { [WORKSPACE_LABEL]: '1' } })).toMatchObject({
      id: '1',
      tier: 'ENTERPRISE',
    });
  });

  it.each(['STANDARD', 'PREMIUM', 'ENTERPRISE'])('reads tier %s', (tier) => {
    expect(tierOf(tier)).toMatchObject({ tier });
    expect(tierOf(tier)).not.toHaveProperty('unknownTier');
  });

  it.each(['standard', 'FREE', ''])(
    'counts the unknown tier %j as ENTERPRISE and keeps what was written',
    (tier) => {
      expect(tierOf(tier)).toMatchObject({ tier: 'ENTERPRISE', unknownTier: tier });
    },
  );
});

describe('workspaceNamesSchema', () => {
  it('takes an absent list for none', () => {
    expect(workspaceNamesSchema.parse(undefined)).toBeUndefined();
  });
});
