import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DestinationClass } from '../../render/envoy/destination-classes.ts';
import { NO_TUNNELS, type TunnelMemory } from '../../render/envoy/tunnel-memory.ts';
import { TunnelFile } from './tunnel-file.ts';

const PORTS = [{ port: 443, protocol: 'TLS' as const }];
const CLASS: DestinationClass = {
  kind: 'allowed',
  commonPorts: [],
  internetPorts: PORTS,
  addressRanges: [],
};
const MEMORY: TunnelMemory = {
  tables: {
    'acme-1': {
      classes: [
        { class: CLASS, patterns: ['*.example.com'] },
        { class: { kind: 'blocked' }, patterns: ['a.example.com'] },
      ],
      shards: 2,
      left: [
        {
          class: { ...CLASS, addressRanges: ['10.0.0.0/8'] } as DestinationClass,
          patterns: ['db.example.com'],
          shards: 1,
          untilMs: 5,
        },
      ],
    },
  },
  revocations: 3,
  revoked: { 'check-tls-acme-1-1': 3 },
  generations: { 'check-tls-acme-1-0': 2 },
};

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-tunnels-'));
  path = join(directory, 'tunnels.json');
});

afterEach(() => rm(directory, { recursive: true, force: true }));

test('a file that is opened again gives what was kept', async () => {
  const file = await TunnelFile.open(path);
  expect(file.memory).toBe(NO_TUNNELS);
  await file.keep(MEMORY);
  expect(file.memory).toBe(MEMORY);
  expect((await TunnelFile.open(path)).memory).toEqual(MEMORY);
  const more = { ...MEMORY, revocations: 4 };
  await file.keep(more);
  expect((await TunnelFile.open(path)).memory).toEqual(more);
});

test.each(['', '{', '{}', JSON.stringify({ ...MEMORY, revocations: 'many' })])(
  'a file that holds %j remembers nothing',
  async (text) => {
    await writeFile(path, text);
    expect((await TunnelFile.open(path)).memory).toBe(NO_TUNNELS);
  },
);
