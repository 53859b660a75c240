// Log lines of roles that run in a cluster: one JSON object per line on standard output, a constant message and fields.
import winston from 'winston';

export type Fields = Readonly<Record<string, unknown>>;

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

export const SILENT_LOGGER: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export function createLogger({ role, level, stream = process.stdout }: LoggerOptions): Logger {
  const { combine, timestamp, json } = winston.format;
  const withErrors = winston.format((info) => {
    for (const [name, value] of Object.entries(info))
      if (value instanceof Error) info[name] = plainError(value);
    return info;
  });
  return winston.createLogger({
    level,
    defaultMeta: { role },
    format: combine(timestamp({ alias: 'time' }), withErrors(), json({ deterministic: false })),
    transports: [new winston.transports.Stream({ stream })],
  });
}

interface PlainError {
  readonly message: string;
  readonly cause?: PlainError;
}

function plainError(error: Error): PlainError {
  return error.cause instanceof Error
    ? { message: error.message, cause: plainError(error.cause) }
    : { message: error.message };
}
