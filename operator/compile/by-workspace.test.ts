import { manifest, readObject } from '../../test/fixtures/object-fixture.ts';
import type { Metastore } from '../model/metastore.ts';
import { byWorkspace } from './by-workspace.ts';

function metastore(name: string, workspaces?: readonly string[]): Metastore {
  return readObject(manifest('Metastore', name, { region: 'us-west-2', workspaces })) as Metastore;
}

describe('byWorkspace()', () => {
  const [a, b] = [metastore('a', ['team-a', 'team-b']), metastore('b', ['team-b', 'team-b'])];

  it('gives what names a workspace, in the order given and each once', () => {
    expect(byWorkspace([a, b])).toEqual(
      new Map([
        ['team-a', [a]],
        ['team-b', [a, b]],
      ]),
    );
  });

  it.each([[undefined], [[]]])('gives nothing for workspaces %j: an empty list means none', (workspaces) => {
    expect(byWorkspace([metastore('a', workspaces)])).toEqual(new Map());
  });
});
