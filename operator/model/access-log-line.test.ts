import { lineText } from '../../test/fixtures/access-log-fixture.ts';
import { CONTEXT_PARTS, parseAccessLogLine } from './access-log-line.ts';

test('parseAccessLogLine() reads a line with its context, and takes "-" and null for nothing', () => {
  expect(parseAccessLogLine(lineText())).toEqual({
    listener: 'proxy',
    context: {
      workspace: 'analytics',
      workspaceId: '1001',
      product: 'JOBS',
      lane: 'enforced',
      policy: 'strict',
      table: 'egress-1',
      revision: 'r1',
      source: '127.0.0.1:50000',
      authority: 'host.example.com:443',
    },
    time: '2026-01-02T03:04:05.678Z',
    type: 'DownstreamEnd',
    method: 'CONNECT',
    code: 403,
    details: 'direct_response',
    addressCheck: { reason: '', denyingRule: '' },
    denyingRule: '',
    decision: 'drop:DESTINATION_NOT_ALLOWED',
    chain: '',
    flags: '',
    closing: '',
    sni: '',
    resolved: '',
    spoke: '',
    repeats: 1,
    upstream: '',
    rcode: null,
    durationMs: 1,
  });
});

test('parseAccessLogLine() takes absent fields for empty ones', () => {
  const context = CONTEXT_PARTS.map(() => '-').join('|');
  const line = JSON.stringify({
    listener: 'tunnel-check',
    context,
    time: '2026-01-02T03:04:05.678Z',
    code: null,
  });
  const empty = Object.fromEntries(CONTEXT_PARTS.map((part) => [part, '']));
  expect(parseAccessLogLine(line)).toMatchObject({ context: empty, code: 0, durationMs: 0, decision: '' });
});

test("parseAccessLogLine() leaves the separator in the authority, which is the client's text", () => {
  const line = lineText({}, { authority: 'a|b|{"listener":"guard"}' });
  expect(parseAccessLogLine(line)?.context.authority).toBe('a|b|{"listener":"guard"}');
});

test.each([
  ['an empty line', ''],
  ['a line torn in the middle', lineText().slice(0, 60)],
  ['a line of a listener that is none of ours', lineText({ listener: 'admin' })],
  ['a context with too few parts', lineText({ context: 'analytics|1001' })],
  ['a line without a context', lineText({ context: null })],
  ['a line without a time', lineText({ time: undefined })],
  ['JSON of another kind', '[1, 2]'],
])('parseAccessLogLine() does not read %s', (_what, line) => {
  expect(parseAccessLogLine(line)).toBeUndefined();
});
