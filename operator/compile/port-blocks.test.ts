import fc from 'fast-check';
import { allocatePortBlocks, NO_PORT_BLOCKS, type PortBlocks } from './port-blocks.ts';

const three = { from: 10_000, to: 10_023, size: 8 };

test('allocatePortBlocks() gives aligned blocks in the order of the keys, whatever order they come in', () => {
  const { blocks, problems } = allocatePortBlocks(NO_PORT_BLOCKS, ['b', 'a', 'b'], three);
  expect(blocks).toEqual({ a: 10_000, b: 10_008 });
  expect(problems).toEqual([]);
});

test('allocatePortBlocks() keeps the port of a key that stays', () => {
  const first = allocatePortBlocks(NO_PORT_BLOCKS, ['b', 'c'], three);
  expect(allocatePortBlocks(first, ['a', 'c'], three).blocks).toEqual({ a: 10_016, c: 10_008 });
});

test('allocatePortBlocks() reuses a freed block last, the longest-freed first', () => {
  let state = allocatePortBlocks(NO_PORT_BLOCKS, ['a', 'b'], three);
  state = allocatePortBlocks(state, ['a'], three);
  state = allocatePortBlocks(state, [], three);
  expect(state.quarantine).toEqual([
    { firstPort: 10_008, key: 'b' },
    { firstPort: 10_000, key: 'a' },
  ]);
  const again = allocatePortBlocks(state, ['x', 'y', 'z'], three);
  expect(again.blocks).toEqual({ x: 10_016, y: 10_008, z: 10_000 });
  expect(again.quarantine).toEqual([]);
});

test('allocatePortBlocks() gives a key that comes back its former block, unless somebody needed it', () => {
  const first = allocatePortBlocks(NO_PORT_BLOCKS, ['a', 'b'], three);
  const gone = allocatePortBlocks(first, [], three);
  expect(allocatePortBlocks(gone, ['b', 'c'], three).blocks).toEqual({ b: 10_008, c: 10_016 });
  const crowded = allocatePortBlocks(gone, ['x', 'y', 'z'], three);
  expect(allocatePortBlocks(crowded, ['a', 'x', 'y'], three).blocks).toMatchObject({ x: 10_016, y: 10_000 });
});

test('allocatePortBlocks() names the key that gets no block when the range is exhausted', () => {
  const { blocks, problems } = allocatePortBlocks(NO_PORT_BLOCKS, ['a', 'b', 'c', 'd'], three);
  expect(Object.keys(blocks)).toEqual(['a', 'b', 'c']);
  expect(problems).toEqual([
    {
      key: 'd',
      message: 'Cannot give ports to "d": all 3 blocks of 8 in 10000-10023 are taken, enlarge the range',
    },
  ]);
});

test('allocatePortBlocks() passes by a block that something else listens on', () => {
  const range = { ...three, isFree: (firstPort: number) => firstPort !== 10_000 };
  expect(allocatePortBlocks(NO_PORT_BLOCKS, ['a'], range).blocks).toEqual({ a: 10_008 });
});

test('allocatePortBlocks() gives up a remembered block that the range no longer has', () => {
  const state = { blocks: { a: 9_000, b: 10_003, c: 10_008 }, quarantine: [{ firstPort: 50_000, key: 'd' }] };
  const { blocks, quarantine } = allocatePortBlocks(state, ['a', 'b', 'c'], three);
  expect(blocks).toEqual({ a: 10_000, b: 10_016, c: 10_008 });
  expect(quarantine).toEqual([]);
});

test('allocatePortBlocks() never gives one block to two keys and never moves a kept key', () => {
  const rounds = fc.array(fc.array(fc.constantFrom(...'abcdefgh', '__proto__', 'constructor')), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(rounds, (steps) => {
      let state: PortBlocks = { ...NO_PORT_BLOCKS, problems: [] };
      return steps.every((keys) => {
        const next = allocatePortBlocks(state, keys, { from: 10_000, to: 10_047, size: 8 });
        const before = state;
        state = next;
        return isSound(before, next);
      });
    }),
  );
});

function isSound(before: PortBlocks, next: PortBlocks): boolean {
  const ports = [...Object.values(next.blocks), ...next.quarantine.map(({ firstPort }) => firstPort)];
  const stays = Object.entries(before.blocks).every(([key, port]) => {
    return !Object.hasOwn(next.blocks, key) || next.blocks[key] === port;
  });
  return stays && new Set(ports).size === ports.length;
}
