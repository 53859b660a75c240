// The xDS server of one Envoy: gRPC on a unix socket, incremental, all kinds on one stream. The newest connection is the
// one that counts: an Envoy that restarts may connect before the former connection is known to be gone.
import { chmod, rm } from 'node:fs/promises';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { decodeRequest, encodeResponse } from './codec.ts';
import { EnvoyStream, type EnvoyStreamOptions } from './envoy-stream.ts';

type GrpcStream = ServerDuplexStream<Buffer, Buffer>;

const METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
/** Private keys pass through it. */
const FOR_OWNER = 0o600;
const SERVER_OPTIONS = {
  'grpc.max_send_message_length': -1,
  'grpc.max_receive_message_length': -1,
  // An Envoy that hangs loses its connection, and says what it has when it connects again.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 10_000,
};

export interface DeltaServerOptions extends Omit<EnvoyStreamOptions, 'write'> {
  /** After each change of the connection, and each message of Envoy. */
  readonly onEvent: () => void;
  /** Before a new connection asks for anything. */
  readonly onConnect: () => void;
}

export class DeltaServer {
  readonly #options: DeltaServerOptions;
  readonly #server = new Server(SERVER_OPTIONS);
  #current: { readonly grpc: GrpcStream; readonly envoy: EnvoyStream } | undefined;

  constructor(options: DeltaServerOptions) {
    this.#options = options;
    this.#addService();
  }

  /** Undefined while no Envoy is connected. */
  get stream(): EnvoyStream | undefined {
    return this.#current?.envoy;
  }

  /** Anew where it did so before: its socket may have been removed. */
  async listen(socketPath: string): Promise<void> {
    this.#server.unbind(`unix:${socketPath}`);
    // Of a process that was killed.
    await rm(socketPath, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(new Error(`Cannot listen on "${socketPath}": ${error.message}`)),
      );
    });
    await chmod(socketPath, FOR_OWNER);
  }

  /** Ends the connection; Envoy connects again and says what it has. */
  disconnect(): void {
    this.#current?.grpc.end();
    this.#current = undefined;
  }

  close(): void {
    this.#server.forceShutdown();
    this.#current = undefined;
  }

  #addService(): void {
    const bytes = (value: Buffer): Buffer => value;
    const service = {
      deltaAggregatedResources: {
        path: METHOD,
        requestStream: true,
        responseStream: true,
        requestSerialize: bytes,
        requestDeserialize: bytes,
        responseSerialize: bytes,
        responseDeserialize: bytes,
      },
    };
    this.#server.addService(service, {
      deltaAggregatedResources: (stream: GrpcStream) => this.#accept(stream),
    });
  }

  #accept(grpc: GrpcStream): void {
    this.disconnect();
    this.#options.onConnect();
    const write = (response: Parameters<typeof encodeResponse>[0]): void => {
      if (this.#current?.grpc === grpc) grpc.write(encodeResponse(response));
    };
    const envoy = new EnvoyStream({ ...this.#options, write });
    this.#current = { grpc, envoy };
    grpc.on('data', (bytes: Buffer) => {
      if (this.#current?.grpc !== grpc) return;
      envoy.receive(decodeRequest(bytes));
      this.#options.onEvent();
    });
    const gone = (): void => {
      if (this.#current?.grpc === grpc) this.#current = undefined;
      this.#options.onEvent();
    };
    grpc.on('end', () => {
      grpc.end();
      gone();
    });
    grpc.on('error', gone);
    grpc.on('cancelled', gone);
  }
}
