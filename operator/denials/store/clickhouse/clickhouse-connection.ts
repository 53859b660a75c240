// One ClickHouse server and database, as whoever the credentials say. These are asked for with each request, since they are
// replaced from time to time: another certificate is another client. Every failure names the server and what to do.
import { Agent } from 'node:https';
import { rootCertificates } from 'node:tls';
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  ClickHouseError,
  ClickHouseLogLevel,
  type ClickHouseSettings,
  createClient,
} from '@clickhouse/client';

export interface ClickhouseCredentials {
  readonly username: string;
  /** Empty: none, or the client certificate instead of it. */
  readonly password: string;
  /** PEM; undefined: those of Node.js. */
  readonly authority: string | undefined;
  /** Of the client; PEM. Both or none. */
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

export interface ClickhousePlace {
  /** Its path is the database. */
  readonly url: URL;
  readonly credentials: () => Promise<ClickhouseCredentials>;
}

interface Question {
  readonly query: string;
  readonly query_params?: Record<string, unknown>;
  readonly clickhouse_settings?: ClickHouseSettings;
}

interface Insertion {
  readonly table: string;
  readonly values: readonly object[];
  readonly clickhouse_settings?: ClickHouseSettings;
}

interface Made {
  /** Of which it is made. */
  readonly tls: string;
  readonly client: ClickHouseClient;
  readonly agent: Agent | undefined;
}

const TIMEOUT_MS = 20_000;
/** Requests of a client that was replaced end by then. */
const LINGER_MS = 60_000;

export class ClickhouseConnection {
  readonly #place: ClickhousePlace;
  readonly database: string;
  /** The last one is used; former ones end what they have. */
  readonly #made: Made[] = [];

  constructor(place: ClickhousePlace) {
    this.#place = place;
    this.database = databaseOf(place.url);
  }

  command(query: string, clickhouse_settings: ClickHouseSettings = {}): Promise<void> {
    return this.#use(
      async (client, auth) => void (await client.command({ query, auth, clickhouse_settings })),
    );
  }

  insert({ values, ...insertion }: Insertion): Promise<void> {
    return this.#use(
      async (client, auth) =>
        void (await client.insert({ ...insertion, values: [...values], format: 'JSONEachRow', auth })),
    );
  }

  select<Line>(question: Question): Promise<readonly Line[]> {
    return this.#use(async (client, auth) => {
      const result = await client.query({ ...question, format: 'JSONEachRow', auth });
      return await result.json<Line>();
    });
  }

  /** The columns of each row in the order of the query, some rows at a time. */
  stream(question: Question) {
    return this.#use(async (client, auth) => {
      const result = await client.query({ ...question, format: 'JSONCompactEachRow', auth });
      return result.stream<readonly unknown[]>();
    });
  }

  /** Requests under way fail. */
  async close(): Promise<void> {
    await Promise.all(this.#made.splice(0).map(end));
  }

  async #use<T>(
    work: (
      client: ClickHouseClient,
      auth: Pick<ClickhouseCredentials, 'username' | 'password'>,
    ) => Promise<T>,
  ): Promise<T> {
    try {
      const credentials = await this.#place.credentials();
      const { username, password } = credentials;
      return await work(this.#clientFor(credentials), { username, password });
    } catch (cause) {
      throw this.#failure(cause);
    }
  }

  #clientFor(credentials: ClickhouseCredentials): ClickHouseClient {
    const { authority, certificate, key, password } = credentials;
    if ((certificate === undefined) !== (key === undefined))
      throw new Error(
        'tls.crt and tls.key of the credentials belong together, and one of them is not there; add it',
      );
    const tls = JSON.stringify([authority, certificate, key, password === '']);
    const former = this.#made.at(-1);
    if (former?.tls === tls) return former.client;
    if (former !== undefined) setTimeout(() => void this.#endFormer(former), LINGER_MS).unref();
    const { agent, options } = tlsOptions(credentials);
    const client = createClient({
      ...{ url: this.#place.url.origin, database: this.database, request_timeout: TIMEOUT_MS },
      application: 'sallyport',
      // What fails is thrown, and logged by whoever asked.
      log: { level: ClickHouseLogLevel.OFF },
      ...options,
    });
    this.#made.push({ tls, client, agent });
    return client;
  }

  async #endFormer(former: Made): Promise<void> {
    const at = this.#made.indexOf(former);
    if (at >= 0) await Promise.all(this.#made.splice(at, 1).map(end));
  }

  #failure(cause: unknown): Error {
    const reason = (cause instanceof Error ? cause.message : String(cause)).trim();
    return new Error(
      `Cannot use ClickHouse "${this.#place.url.origin}", database "${this.database}": ${reason}; ${adviceOn(reason, cause)}`,
      { cause },
    );
  }
}

function databaseOf({ pathname }: URL): string {
  return pathname === '/' ? 'access' : pathname.slice(1);
}

async function end({ client, agent }: Made): Promise<void> {
  await client.close();
  agent?.destroy();
}

/** ClickHouse knows a user either by a certificate or by a password: with both, the certificate is for whoever is before it. */
function tlsOptions({ authority, certificate, key, password }: ClickhouseCredentials): {
  readonly agent?: Agent;
  readonly options: ClickHouseClientConfigOptions;
} {
  if (certificate === undefined || key === undefined)
    return { options: authority === undefined ? {} : { tls: { ca_cert: Buffer.from(authority) } } };
  const ca = authority ?? rootCertificates.join('\n');
  if (password !== '') {
    const agent = new Agent({ keepAlive: true, ca, cert: certificate, key });
    return { agent, options: { http_agent: agent } };
  }
  return {
    options: { tls: { ca_cert: Buffer.from(ca), cert: Buffer.from(certificate), key: Buffer.from(key) } },
  };
}

/** By what its sentences contain. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /Authentication failed|AUTHENTICATION_FAILED|REQUIRED_PASSWORD/i,
    'check username, password and tls.crt of the credentials',
  ],
  [/UNKNOWN_DATABASE/, 'create the database, or name another in --clickhouse-url'],
  [/ACCESS_DENIED|READONLY/, 'let the user create, alter, read and write tables and views of the database'],
  [
    /UNKNOWN_TABLE|NO_SUCH_COLUMN_IN_TABLE|UNKNOWN_IDENTIFIER/,
    'restart the collector, which brings its tables up to date',
  ],
  [/NOT_ENOUGH_SPACE/, 'make room on its disk, or shorten --retention'],
  [
    /certificate|self-signed|\b(?:TLS|SSL)\b/i,
    'check ca.crt, tls.crt and tls.key of the credentials, and the name in --clickhouse-url',
  ],
];

function adviceOn(reason: string, cause: unknown): string {
  const text = `${reason} ${cause instanceof ClickHouseError ? cause.type : ''}`;
  const [, advice] = ADVICE.find(([pattern]) => pattern.test(text)) ?? [];
  return (
    advice ?? 'check --clickhouse-url, and that the server is well; rows wait in the gateways until then'
  );
}
