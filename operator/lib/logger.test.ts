import { PassThrough } from 'node:stream';
import { createLogger, type Logger } from './logger.ts';

function loggerWith(level: string): { readonly logger: Logger; readonly lines: () => readonly string[] } {
  const stream = new PassThrough({ encoding: 'utf8' });
  const logger = createLogger({ role: 'operator', level, stream });
  return {
    logger,
    lines: () =>
      String(stream.read() ?? '')
        .split('\n')
        .slice(0, -1),
  };
}

function entryOf(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { logger, lines } = loggerWith('info');
  logger.info('synced', fields);
  return JSON.parse(lines()[0] ?? '') as Readonly<Record<string, unknown>>;
}

describe('createLogger()', () => {
  it('writes one JSON object per line: time, level, role and message first', () => {
    const { logger, lines } = loggerWith('info');
    logger.info('synced', { objects: 3 });
    logger.warn('a watch\nfailed');
    expect(lines()).toHaveLength(2);
    const keys = ['time', 'level', 'role', 'message', 'objects'];
    expect(Object.keys(entryOf({ objects: 3 }))).toEqual(keys);
    expect(entryOf({ objects: 3 })).toMatchObject({ level: 'info', role: 'operator', message: 'synced' });
  });

  it('says the time in ISO 8601, in UTC', () => {
    const { time } = entryOf({});
    expect(new Date(String(time)).toISOString()).toBe(time);
  });

  it('keeps quiet below its level', () => {
    const { logger, lines } = loggerWith('warn');
    logger.debug('a');
    logger.info('b');
    logger.warn('c');
    logger.error('d');
    expect(lines()).toEqual([expect.stringContaining('"c"'), expect.stringContaining('"d"')]);
  });

  it('lets no field pass for what every line has', () => {
    const fields = { message: 'x', level: 'error', role: 'gateway', time: 'never' };
    expect(entryOf(fields)).toMatchObject({ message: 'synced', level: 'info', role: 'operator' });
  });

  it('survives circles and big integers', () => {
    const circle: Record<string, unknown> = { bytes: 10n };
    circle['self'] = circle;
    expect(entryOf({ circle })).toMatchObject({ circle: { bytes: '10', self: '[Circular]' } });
  });
});

describe('createLogger() writes an error', () => {
  it('with its causes, whatever was thrown', () => {
    const error = new Error('Cannot write', { cause: new Error('refused', { cause: 'ECONNREFUSED' }) });
    const plain = { message: 'Cannot write', cause: { message: 'refused', cause: 'ECONNREFUSED' } };
    expect(entryOf({ error })['error']).toEqual(plain);
  });

  it('by its code where it has no message', () => {
    const error = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
    expect(entryOf({ error })['error']).toEqual({ message: 'ECONNREFUSED' });
  });

  it('with its place where it is a bug', () => {
    const { error } = entryOf({ error: new TypeError('x is not a function') });
    expect(error).toEqual({
      message: 'x is not a function',
      stack: expect.stringContaining('logger.test.ts'),
    });
  });

  it('that causes itself, without end', () => {
    const error = new Error('again');
    error.cause = error;
    expect(JSON.stringify(entryOf({ error })).length).toBeLessThan(1000);
  });
});
