// The two sockets of a lane, UDP and TCP on one port. Opened and closed as a pair; both stay open while the lane that
// they serve changes.
import { createSocket, type RemoteInfo, type SocketOptions, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { DnsLane } from './dns-lanes.ts';
import type { DnsResponder } from './dns-responder.ts';
import { MessageReader, streamed } from './message-reader.ts';

const MAX_CONNECTIONS_PER_SOURCE = 32;
const MAPPED = '::ffff:';

export interface Serving {
  readonly responder: DnsResponder;
  /** Over TCP, of one lane. */
  readonly maxConnections: number;
}

export class LaneSockets {
  lane: DnsLane;
  readonly #responder: DnsResponder;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #connections = new Set<Socket>();
  readonly #perSource = new Map<string, number>();

  private constructor(lane: DnsLane, { responder, maxConnections }: Serving, onLost: () => void) {
    this.lane = lane;
    this.#responder = responder;
    this.#udp = createSocket({ type: isIPv6(lane.egressListener.address) ? 'udp6' : 'udp4', lookup: asItIs });
    this.#udp.on('message', (bytes, peer) => this.#datagram(bytes, peer));
    this.#udp.on('error', onLost);
    this.#tcp = createServer({ noDelay: true }, (socket) => this.#connection(socket));
    this.#tcp.maxConnections = maxConnections;
    this.#tcp.on('error', onLost);
  }

  /** Throws where one of the two cannot be opened; then neither is. `onLost` is for what happens to them later. */
  static async open(lane: DnsLane, serving: Serving, onLost: () => void): Promise<LaneSockets> {
    let isOpen = false;
    const sockets = new LaneSockets(lane, serving, () => {
      if (isOpen) onLost();
    });
    const { port } = lane;
    const { address } = lane.egressListener;
    try {
      // Before the calls, since the UDP socket may be ready when its call returns.
      const ready = Promise.all([once(sockets.#udp, 'listening'), once(sockets.#tcp, 'listening')]);
      sockets.#udp.bind({ port, address, exclusive: true });
      sockets.#tcp.listen({ port, host: address, exclusive: true });
      await ready;
      isOpen = true;
      return sockets;
    } catch (error) {
      await sockets.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    const closedTcp = new Promise<void>((resolve) => this.#tcp.close(() => resolve()));
    const closedUdp = new Promise<void>((resolve) => {
      try {
        this.#udp.close(resolve);
      } catch {
        // It was never bound, or is closed already.
        resolve();
      }
    });
    await Promise.all([closedTcp, closedUdp]);
  }

  #datagram(bytes: Buffer, { address, port }: RemoteInfo): void {
    const client = { transport: 'UDP', address: plainAddress(address), port } as const;
    const response = this.#responder.respond(bytes, client, this.lane);
    if (response instanceof Promise) void response.then((late) => this.#send(late, port, address));
    else if (response !== undefined) this.#send(response, port, address);
  }

  /** Ignores clients that are gone, and a socket that was closed while another server was asked. */
  #send(response: Buffer, port: number, address: string): void {
    try {
      this.#udp.send(response, port, address);
    } catch {
      // Closed.
    }
  }

  #connection(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress ?? '');
    const port = socket.remotePort ?? 0;
    const open = this.#perSource.get(address) ?? 0;
    if (open >= MAX_CONNECTIONS_PER_SOURCE || address === '') return void socket.destroy();
    this.#perSource.set(address, open + 1);
    this.#connections.add(socket);
    socket.on('close', () => {
      this.#connections.delete(socket);
      const left = (this.#perSource.get(address) ?? 1) - 1;
      if (left === 0) this.#perSource.delete(address);
      else this.#perSource.set(address, left);
    });
    serveTcpQuestions(socket, (bytes) =>
      this.#responder.respond(bytes, { transport: 'TCP', address, port }, this.lane),
    );
  }
}

/** Every destination is an address; Node would resolve it at each datagram. */
const asItIs: NonNullable<SocketOptions['lookup']> = (address, _options, callback) =>
  callback(null, address, isIPv6(address) ? 6 : 4);

/** A socket for both families writes IPv4 addresses as IPv6 ones. */
function plainAddress(address: string): string {
  return address.startsWith(MAPPED) ? address.slice(MAPPED.length) : address;
}

const IDLE_MS = 10_000;
const MAX_UNANSWERED = 32;
/** The shortest question; a shorter message is not DNS. */
const SHORTEST_MESSAGE = 12;

type Respond = (query: Buffer) => Buffer | Promise<Buffer> | undefined;

/**
 * Several at a time, each answered as soon as it can be. A client that is silent is disconnected, one that asks faster
 * than it reads has to wait; nobody else waits for it.
 */
function serveTcpQuestions(socket: Socket, respond: Respond): void {
  const reader = new MessageReader();
  let unanswered = 0;
  const settle = (): void => {
    unanswered -= 1;
    if (unanswered < MAX_UNANSWERED && socket.writableLength < socket.writableHighWaterMark) socket.resume();
  };
  const answer = (message: Buffer): void => {
    const response = message.length < SHORTEST_MESSAGE ? undefined : respond(message);
    if (response === undefined) return void socket.destroy();
    unanswered += 1;
    if (response instanceof Promise)
      void response.then((bytes) => socket.write(streamed(bytes))).then(settle);
    else {
      socket.write(streamed(response));
      settle();
    }
  };
  socket.setNoDelay(true);
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('drain', () => socket.resume());
  socket.on('data', (chunk) => {
    for (const message of reader.take(chunk)) if (!socket.destroyed) answer(message);
    if (unanswered >= MAX_UNANSWERED || socket.writableNeedDrain) socket.pause();
  });
}
