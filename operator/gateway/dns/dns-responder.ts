// The DNS of a gateway, without its sockets: one query in, its answer out, at once where no other server must be asked.
// A denial is recorded once, however often and for how many types the same client asks within a few seconds; questions
// beyond the rate limit are counted.
import { LRUCache } from 'lru-cache';
import { type Decision, decideName } from '../../compile/decide.ts';
import type { TableIndex } from '../../compile/table-index.ts';
import { formatHostPort } from '../../lib/host-port.ts';
import { memoize } from '../../lib/memo.ts';
import { TokenBuckets } from '../../lib/token-buckets.ts';
import type { Lane } from '../../model/lane.ts';
import { type AnsweredQuestion, answerQuestion } from './answer-question.ts';
import type { ClusterNames } from './cluster-names.ts';
import { DeniedCount, SeenLately } from './denied-count.ts';
import { RCODE } from './dns-codes.ts';
import { DnsCounts } from './dns-counts.ts';
import type { DnsLane } from './dns-lanes.ts';
import { type DeniedQuestion, dnsLine } from './dns-line.ts';
import { type DnsQuery, parseQuery } from './dns-query.ts';
import {
  addressBody,
  datagramBytes,
  emptyBody,
  encodeResponse,
  NO_DATA,
  NO_NAME,
  type ResponseBody,
  TCP_BYTES,
} from './dns-response.ts';
import type { NameForwarder } from './name-forwarder.ts';

export interface DnsResponderOptions {
  readonly clusterNames: ClusterNames;
  readonly forwarder: Pick<NameForwarder, 'ask'>;
  /** Of one source. */
  readonly questionsPerSecond: number;
  /** One line of the log. */
  readonly record: (line: string) => void;
  readonly nowMs: () => number;
}

export interface DnsClient {
  readonly transport: 'UDP' | 'TCP';
  readonly address: string;
  readonly port: number;
}

interface Asking {
  readonly query: DnsQuery;
  readonly client: DnsClient;
  readonly lane: DnsLane;
  readonly atMs: number;
}

type Bodies = Readonly<Record<4 | 6, ResponseBody>>;

const DENIAL_WINDOW_MS = 5000;
const MAX_SOURCES = 10_000;
/** A source may ask so many seconds' questions at once. */
const SECONDS_AT_ONCE = 2;
const MAX_DECISIONS = 20_000;
const LOCALHOST: Bodies = { 4: addressBody(['127.0.0.1'], 4), 6: addressBody(['::1'], 6) };
const REFUSED = emptyBody(RCODE.REFUSED);
const gatewayBodies = memoize(
  ({ addresses }: DnsLane): Bodies => ({ 4: addressBody(addresses, 4), 6: addressBody(addresses, 6) }),
);
const SERVER_FAILURE = emptyBody(RCODE.SERVER_FAILURE);

export class DnsResponder {
  readonly counts = new DnsCounts();
  readonly #options: DnsResponderOptions;
  readonly #limit: TokenBuckets;
  readonly #denied = new SeenLately(DENIAL_WINDOW_MS, MAX_DECISIONS);
  readonly #tooMany = new DeniedCount<Asking>(MAX_SOURCES, (asking, repeats) =>
    this.#record(asking, { accessType: 'DROP', reason: 'TOO_MANY_QUESTIONS', rcode: RCODE.REFUSED, repeats }),
  );
  readonly #decisions = new LRUCache<string, Decision>({ max: MAX_DECISIONS });
  #tables = 0;
  readonly #numberOf = memoize((_: TableIndex) => {
    this.#tables += 1;
    return this.#tables;
  });

  constructor(options: DnsResponderOptions) {
    this.#options = options;
    this.#limit = new TokenBuckets({
      burst: options.questionsPerSecond * SECONDS_AT_ONCE,
      refillMs: 1000 / options.questionsPerSecond,
      maxKeys: MAX_SOURCES,
    });
  }

  /** Undefined where the bytes are no query, and get no answer. */
  respond(bytes: Buffer, client: DnsClient, lane: DnsLane): Buffer | Promise<Buffer> | undefined {
    const query = parseQuery(bytes);
    if (query === undefined) {
      this.counts.questions.malformed += 1;
      return undefined;
    }
    const maxBytes = client.transport === 'TCP' ? TCP_BYTES : datagramBytes(query);
    const encode = (body: ResponseBody): Buffer => encodeResponse(query, body, maxBytes);
    if ('fault' in query) {
      this.counts.questions.malformed += 1;
      return encode(emptyBody(query.fault));
    }
    const atMs = this.#options.nowMs();
    // By lane, since in embedded mode all clients may have one address.
    const source = `${lane.egressListener.name} ${client.address}`;
    if (!this.#limit.take(source, atMs)) {
      this.counts.questions.tooMany += 1;
      this.#tooMany.add(source, { query, client, lane, atMs });
      return encode(REFUSED);
    }
    const body = this.#answer({ query, client, lane, atMs });
    return body instanceof Promise ? body.then(encode) : encode(body);
  }

  /** Records the counts so far. */
  flush(): void {
    this.#tooMany.flush();
  }

  #answer(asking: Asking): ResponseBody | Promise<ResponseBody> {
    const { query, lane } = asking;
    const answered = answerQuestion(query, {
      lane: lane.egressListener.lane,
      clusterNames: this.#options.clusterNames,
      decide: (name) => this.#decide(lane.index, lane.egressListener.lane, name),
    });
    const body = this.#bodyOf(answered, asking);
    if (answered.denial === undefined) return body;
    const { denial } = answered;
    if (!this.#isFirst(asking)) return body;
    if (!(body instanceof Promise)) {
      this.#recordDenial(denial, asking, body);
      return body;
    }
    return body.then((said) => {
      this.#recordDenial(denial, asking, said);
      return said;
    });
  }

  #bodyOf({ answer }: AnsweredQuestion, { query, lane, atMs }: Asking): ResponseBody | Promise<ResponseBody> {
    const { questions } = this.counts;
    switch (answer.kind) {
      case 'forward':
        questions.forwarded += 1;
        return this.#options.forwarder.ask(answer.to, query, atMs);
      case 'noName':
        questions.noName += 1;
        return NO_NAME;
      case 'unknown':
        questions.unknown += 1;
        return SERVER_FAILURE;
      case 'noData':
        questions.noData += 1;
        return NO_DATA;
      case 'serviceAddress':
        questions.address += 1;
        return addressBody(answer.addresses, answer.family);
      case 'address':
        questions.address += 1;
        return (answer.of === 'localhost' ? LOCALHOST : gatewayBodies(lane))[answer.family];
    }
  }

  /** Cached by index: a changed table, or one with an expired entry, has another index. */
  #decide(index: TableIndex, lane: Lane, name: string): Decision {
    const key = `${this.#numberOf(index)} ${lane} ${name}`;
    const known = this.#decisions.get(key);
    if (known !== undefined) return known;
    const decision = decideName(index, lane, name);
    this.#decisions.set(key, decision);
    return decision;
  }

  #isFirst({ query, client, lane, atMs }: Asking): boolean {
    const isFirst = this.#denied.isNew(`${lane.egressListener.name} ${client.address} ${query.name}`, atMs);
    if (!isFirst) this.counts.folded += 1;
    return isFirst;
  }

  #recordDenial({ verdict, reason }: Decision, asking: Asking, { rcode }: ResponseBody): void {
    if (verdict !== 'ALLOW') this.#record(asking, { accessType: verdict, reason, rcode, repeats: 1 });
  }

  #record(
    { query: { name, type }, client, lane, atMs }: Asking,
    said: Pick<DeniedQuestion, 'accessType' | 'reason' | 'rcode' | 'repeats'>,
  ): void {
    const source = formatHostPort(client.address, client.port);
    this.#options.record(dnsLine({ ...said, lane, name, type, source, atMs }));
  }
}
