// Options of what has to do with the collector of denials -> validated configuration.
import { OptionError } from './option-values.ts';

/** Of a gateway that sends its rows to the collector. */
export interface CollectorClientConfig {
  readonly url: URL;
  /** File with the token of the pod for the collector's audience. */
  readonly tokenFile: string;
}

export interface CollectorClientOptions {
  readonly collector?: string;
  readonly collectorToken?: string;
}

const TOKEN_FILE = '/var/run/secrets/sallyport-collector/token';

/** Undefined: rows are lines on the output. */
export function readCollectorClient(options: CollectorClientOptions): CollectorClientConfig | undefined {
  const { collector: text, collectorToken: tokenFile = TOKEN_FILE } = options;
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' && url.pathname === '/' && url.username === '' && url.search === '')
    return { url, tokenFile };
  throw new OptionError(
    `--collector: Cannot accept "${text}": write an address such as "https://sallyport-collector.sallyport-system.svc:8444"`,
  );
}
