import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { readPolicy } from '../../../test/fixtures/object-fixture.ts';
import { suggestPolicy } from '../../compile/suggest/suggest-policy.ts';
import type { Suggestion } from '../../compile/suggest/suggestion.ts';
import { applySuggestions } from './apply-suggestion.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'suggest-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const HEAD = `apiVersion: sallyport.dev/v1alpha1
kind: NetworkPolicy
metadata: { name: acme }
spec:
  egress:
    networkAccess:
      restrictionMode: RESTRICTED_ACCESS
      allowedInternetDestinations:
`;

/** Removes the first entry, and adds one. */
function suggestionFor(...destinations: readonly string[]): Suggestion {
  const policy = readPolicy({
    allowedInternetDestinations: destinations.map((destination) => ({ destination })),
  });
  const suggestion = suggestPolicy({
    policy,
    workspaces: [],
    traffic: [],
    uses: undefined,
    wildcardZones: [],
    sinceMs: 0,
    atMs: 1,
  });
  const evidence = { count: 1, firstSeen: '', lastSeen: '', products: [], workspaces: [], pods: [] };
  const list = 'allowedInternetDestinations' as const;
  return {
    ...suggestion,
    added: [{ list, destination: { destination: 'new.example.com' }, hosts: [], evidence }],
    removed: [{ list, at: 0, text: '', why: '' }],
  };
}

async function applied(
  suggestion: Suggestion,
  answer: string,
  isYes = false,
): Promise<{ outcome: string; shown: string }> {
  const output = new PassThrough();
  const shown = text(output);
  const outcome = await applySuggestions(folder, [suggestion], {
    input: Readable.from(answer),
    output,
    isYes,
  });
  output.end();
  return { outcome, shown: await shown };
}

test('applySuggestions() takes the comment of an entry away with it', async () => {
  const file = join(folder, 'acme.yaml');
  const kept = '        # For the auditors.\n        - destination: kept.example.com # 2026\n';
  await writeFile(file, `${HEAD}        - destination: old.example.com # old\n${kept}`);
  const { outcome, shown } = await applied(suggestionFor('old.example.com', 'kept.example.com'), 'y\n');
  expect(outcome).toBe('applied');
  expect(shown).toMatch(/\n-.*old\.example\.com # old\n/);
  expect(await readFile(file, 'utf8')).toBe(`${HEAD}${kept}        - destination: new.example.com\n`);
});

test('applySuggestions() can replace the only entry', async () => {
  const file = join(folder, 'acme.yaml');
  await writeFile(file, `${HEAD}        - destination: old.example.com\n`);
  await applied(suggestionFor('old.example.com'), 'yes\n');
  expect(await readFile(file, 'utf8')).toBe(`${HEAD}        - destination: new.example.com\n`);
});

test('applySuggestions() asks nobody where that is the wish, and says so', async () => {
  const file = join(folder, 'acme.yaml');
  await writeFile(file, `${HEAD}        - destination: old.example.com\n`);
  const { outcome, shown } = await applied(suggestionFor('old.example.com'), '', true);
  expect(outcome).toBe('applied');
  expect(shown).toMatch(/\[y\/N\] yes\nWrote acme\.yaml\n$/);
});

test.each(['n\n', '\n', '', 'yess\n'])(
  'applySuggestions() writes nothing for the answer %j',
  async (answer) => {
    const file = join(folder, 'acme.yaml');
    const before = `${HEAD}        - destination: old.example.com\n`;
    await writeFile(file, before);
    expect((await applied(suggestionFor('old.example.com'), answer)).outcome).toBe('declined');
    expect(await readFile(file, 'utf8')).toBe(before);
  },
);

test('applySuggestions() says where the policy is not in a file that it can edit', async () => {
  await expect(applied(suggestionFor('old.example.com'), 'y\n')).rejects.toThrow(
    /move it into a file of its own/,
  );
  const items = `{"kind": "List", "apiVersion": "v1", "items": [${JSON.stringify({
    ...{ apiVersion: 'sallyport.dev/v1alpha1', kind: 'NetworkPolicy', metadata: { name: 'acme' } },
    spec: suggestionFor('old.example.com').basis,
  })}]}`;
  await writeFile(join(folder, 'list.yaml'), items);
  await expect(applied(suggestionFor('old.example.com'), 'y\n')).rejects.toThrow(
    /move it into a YAML file of its own/,
  );
});
