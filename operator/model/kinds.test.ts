import { KINDS } from './kinds.ts';
import { DEFAULT_POLICY, isOptional } from './kubernetes-object.ts';

describe('KINDS', () => {
  it.each(['kind', 'plural', 'shortName'] as const)('have each their own %s', (word) => {
    const words = KINDS.map((kind) => kind[word]);
    expect(new Set(words).size).toBe(words.length);
  });

  it('are cluster-scoped where people write them for more than one workspace', () => {
    const cluster = KINDS.filter(({ scope }) => scope === 'Cluster').map(({ kind }) => kind);
    expect(cluster).toEqual(['NetworkPolicy', 'PolicyAssignment', 'Metastore', 'PrivateEndpoint']);
  });

  it('may leave out the spec where nothing in it is needed', () => {
    const optional = KINDS.filter(({ spec }) => isOptional(spec)).map(({ kind }) => kind);
    expect(optional).toEqual(['PolicyAssignment', 'PrivateEndpoint', 'WorkspaceConf']);
  });

  it('have a default policy that an assignment without a spec names', () => {
    const assignment = KINDS.find(({ kind }) => kind === 'PolicyAssignment');
    expect(assignment?.spec.parse({})).toEqual({ networkPolicyId: DEFAULT_POLICY });
  });
});
