import fc from 'fast-check';
import {
  formatInboundLine,
  INBOUND_TEXT_BYTES,
  inboundRuleName,
  isDenying,
  parseInboundLine,
  type WrittenInboundLine,
} from './inbound-line.ts';
import { INBOUND_REASONS, type InboundReason } from './inbound-reason.ts';
import { LONGEST_LINE_BYTES } from './limits.ts';

const LINE: WrittenInboundLine = {
  listener: 'ingress',
  time: '2026-01-02T03:04:05.678Z',
  workspace: 'analytics',
  workspaceId: '1001',
  level: 'WORKSPACE',
  revision: 'r1',
  enforced: 'IN_BLOCK_LIST:partners',
  source: '192.0.2.7',
  host: 'analytics.example',
  method: 'GET',
  path: '/api/2.0/clusters/list',
  code: 403,
};

test('parseInboundLine() takes absent fields, "-" and null for nothing', () => {
  const bare = { listener: 'ingress', time: LINE.time, path: null, host: '-', code: null, level: null };
  expect(parseInboundLine(JSON.stringify(bare))).toMatchObject({
    workspace: '',
    level: 'WORKSPACE',
    revision: '',
    source: '',
    host: '',
    path: '',
    code: 0,
    repeats: 1,
  });
  expect(parseInboundLine(JSON.stringify(bare))?.enforced).toBeUndefined();
});

test('every rule survives its name, and what is no rule is none', () => {
  const reasons = fc.constantFrom(...(Object.keys(INBOUND_REASONS) as InboundReason[]));
  const lists = fc.option(fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?$/), { nil: undefined });
  fc.assert(
    fc.property(reasons, lists, (reason, listId) => {
      const rule = listId === undefined ? { reason } : { reason, listId };
      const line = { ...LINE, enforced: inboundRuleName(rule), shadow: inboundRuleName(rule) };
      expect(parseInboundLine(formatInboundLine(line))).toMatchObject({ enforced: rule, shadow: rule });
      expect(isDenying(rule)).toBe(INBOUND_REASONS[reason] === 'DENY');
    }),
  );
  for (const name of ['', 'none', 'IN_BLOCK_LIST_', 'toString', 'in_block_list:x', ':x'])
    expect(parseInboundLine(JSON.stringify({ ...LINE, enforced: name }))?.enforced).toBeUndefined();
});

test('whatever a client writes, the line is one line, is bounded, and is read again', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 4000 }),
    fc.string({ unit: 'grapheme', minLength: 900, maxLength: 4000 }),
  );
  fc.assert(
    fc.property(anything, anything, anything, (host, method, path) => {
      const text = formatInboundLine({ ...LINE, host, method, path });
      expect(text).not.toContain('\n');
      const read = parseInboundLine(text);
      expect(read).toMatchObject({ workspace: 'analytics', source: '192.0.2.7' });
      for (const field of ['host', 'method', 'path'] as const)
        expect(Buffer.byteLength(read?.[field] ?? '')).toBeLessThanOrEqual(INBOUND_TEXT_BYTES[field]);
    }),
  );
});

test('a path has neither query nor fragment, whoever wrote it', () => {
  const path = '/login?token=secret#top';
  expect(parseInboundLine(formatInboundLine({ ...LINE, path }))?.path).toBe('/login');
  expect(parseInboundLine(JSON.stringify({ ...LINE, path }))?.path).toBe('/login');
});

test('a text that was cut ends with a mark, and a whole one does not', () => {
  const path = `/${'é'.repeat(2000)}`;
  const read = parseInboundLine(formatInboundLine({ ...LINE, path }));
  expect(read?.path).toMatch(/^\/é+…$/);
  expect(parseInboundLine(formatInboundLine(LINE))?.path).toBe(LINE.path);
  expect(Buffer.byteLength(formatInboundLine({ ...LINE, path }))).toBeLessThan(LONGEST_LINE_BYTES);
});

test.each([
  ['an empty line', ''],
  ['no JSON', 'nonsense'],
  ['a text', '"ingress"'],
  ['a torn line', JSON.stringify(LINE).slice(0, 80)],
  ['another listener', JSON.stringify({ ...LINE, listener: 'proxy' })],
  ['no time', JSON.stringify({ ...LINE, time: 'yesterday' })],
  ['a number for a text', JSON.stringify({ ...LINE, path: 7 })],
  ['no repeats', JSON.stringify({ ...LINE, repeats: 0 })],
])('parseInboundLine() does not read %s', (_what, text) => {
  expect(parseInboundLine(text)).toBeUndefined();
});
