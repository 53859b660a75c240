import { join } from 'node:path';
import { withFolder } from '../../../test/fixtures/denial-fixture.ts';
import { authorizationFrom, newQuerySecret } from './query-secret.ts';

test('newQuerySecret() accepts whoever presents what is in the file, and nobody else', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'secret');
    const former = await newQuerySecret(path);
    const formerHeader = await authorizationFrom(path);
    const check = await newQuerySecret(path);
    const header = await authorizationFrom(path);
    expect([former(formerHeader), check(header)]).toEqual([null, null]);
    for (const other of [undefined, '', 'Bearer ', formerHeader]) expect(check(other)).toContain(path);
  }));

test('newQuerySecret() says which file it cannot write, and accepts nobody', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'missing/secret');
    const said: string[] = [];
    const check = await newQuerySecret(path, (sentence) => said.push(sentence));
    expect(said).toEqual([expect.stringContaining(`Cannot write "${path}": its directory is gone`)]);
    for (const header of [undefined, '', 'Bearer ']) expect(check(header)).toContain(path);
  }));
