// What tests use of the WebSocket server that comes with the client of Kubernetes.
declare module 'ws' {
  import type { IncomingMessage, Server } from 'node:http';

  export interface WebSocket {
    send(data: Buffer): void;
    close(): void;
    on(event: 'message', listener: (data: Buffer) => void): void;
    on(event: 'close', listener: () => void): void;
  }

  export class WebSocketServer {
    constructor(options: { readonly server: Server });
    on(event: 'connection', listener: (socket: WebSocket, request: IncomingMessage) => void): void;
    close(): void;
  }
}
