// Log lines of roles that run in a cluster: one JSON object per line on standard output, a constant message and fields.
// The message says what happened and never holds a value, so that lines can be counted by it.
import winston from 'winston';

type Fields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

export interface LoggerOptions {
  readonly role: string;
  /** "debug", "info", "warn" or "error". */
  readonly level: string;
  /** Standard output unless given. */
  readonly stream?: NodeJS.WritableStream;
}

export function createLogger({ role, level, stream = process.stdout }: LoggerOptions): Logger {
  const logger = winston.createLogger({
    level,
    format: winston.format.json({ deterministic: false }),
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
  });
  // As one entry: given a message and fields, winston would append a field "message" to the message.
  const writer =
    (entryLevel: keyof Logger): Logger[keyof Logger] =>
    (message, fields = {}) => {
      if (!logger.isLevelEnabled(entryLevel)) return;
      const head = { time: new Date().toISOString(), level: entryLevel, role, message };
      logger.log({ ...head, ...plainFields(fields), ...head });
    };
  return { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') };
}

function plainFields(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? plainError(value) : value]),
  );
}

interface PlainError {
  readonly message: string;
  readonly stack?: string | undefined;
  readonly cause?: unknown;
}

/** The message of an outside failure is enough; a bug needs its stack. */
const BUGS = [TypeError, RangeError, ReferenceError];
const DEEPEST_CAUSE = 8;

function plainError(error: Error, depth = 0): PlainError {
  const { cause } = error;
  // An AggregateError, such as that of a refused connection, may have no message at all.
  const message =
    error.message === '' ? ((error as NodeJS.ErrnoException).code ?? error.name) : error.message;
  return {
    message,
    ...(BUGS.some((bug) => error instanceof bug) ? { stack: error.stack } : {}),
    ...(cause === undefined || depth === DEEPEST_CAUSE
      ? {}
      : { cause: cause instanceof Error ? plainError(cause, depth + 1) : cause }),
  };
}
