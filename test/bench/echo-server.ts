// A process: returns every datagram unchanged but marked as an answer. The lower bound for a name server in Node.js, so
// the rest of the cost is the name server's. In: address and port. It also listens on TCP, which shows that it is
// there.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const [address = '', port = ''] = process.argv.slice(2);
const ANSWER_BIT = 0x80;

const socket = createSocket({ type: 'udp4', lookup: (host, _options, found) => found(null, host, 4) });
socket.on('message', (bytes, client) => {
  bytes[2] = (bytes[2] ?? 0) | ANSWER_BIT;
  socket.send(bytes, client.port, client.address);
});
socket.bind(Number(port), address);
createServer().listen(Number(port), address);
