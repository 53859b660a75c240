// A stub of kube-proxy: what comes to the ports of a lane's Service goes to the block of ports that a gateway has for
// that lane. TCP and UDP; bytes are not read.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { LANE_PORTS } from '../../operator/model/lane-port.ts';

export class ServiceForwarder {
  readonly #address: string;
  readonly #servers: Server[] = [];
  readonly #udp: UdpSocket[] = [];
  readonly #connections = new Set<Socket>();
  #firstPort = 0;

  private constructor(address: string) {
    this.#address = address;
  }

  /** Listens on the Service's ports of the address; it leads nowhere until leadTo(). */
  static async start(address: string): Promise<ServiceForwarder> {
    const forwarder = new ServiceForwarder(address);
    for (const { protocol, port, offset } of LANE_PORTS) {
      await (protocol === 'TCP' ? forwarder.#forwardTcp(port, offset) : forwarder.#forwardUdp(port, offset));
    }
    return forwarder;
  }

  /** From now on new connections go to this block. */
  leadTo(firstPort: number): void {
    this.#firstPort = firstPort;
  }

  async stop(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    const closed = [...this.#servers, ...this.#udp].map((server) => once(server, 'close'));
    for (const server of [...this.#servers, ...this.#udp]) server.close();
    await Promise.all(closed);
  }

  async #forwardTcp(port: number, offset: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (client) => {
      const gateway = connect({ host: this.#address, port: this.#firstPort + offset, allowHalfOpen: true });
      for (const [from, to] of [
        [client, gateway],
        [gateway, client],
      ] as const) {
        this.#connections.add(from);
        from.pipe(to);
        from.on('error', () => to.destroy()).on('close', () => this.#connections.delete(from));
      }
    });
    server.listen(port, this.#address);
    await once(server, 'listening');
    this.#servers.push(server);
  }

  async #forwardUdp(port: number, offset: number): Promise<void> {
    const service = createSocket('udp4');
    service.on('message', (question, client) => {
      const gateway = createSocket('udp4');
      const close = setTimeout(() => gateway.close(), 5000);
      gateway.once('message', (answer) => {
        service.send(answer, client.port, client.address);
        clearTimeout(close);
        gateway.close();
      });
      gateway.send(question, this.#firstPort + offset, this.#address);
    });
    service.bind(port, this.#address);
    await once(service, 'listening');
    this.#udp.push(service);
  }
}
