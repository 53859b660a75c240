// Calls one unary method: grpc-call.mjs HOST.
import { readFileSync } from 'node:fs';
import { Client, credentials } from '@grpc/grpc-js';

const ca = readFileSync(process.env.NODE_EXTRA_CA_CERTS);
const client = new Client(`${process.argv[2]}:443`, credentials.createSsl(ca));
const deadline = Date.now() + 10_000;
const same = (bytes) => bytes;
client.makeUnaryRequest('/demo.Demo/Call', same, same, Buffer.alloc(0), { deadline }, (error) => {
  if (error) console.error(`${error.name} ${error.message}`);
  else console.log('OK');
  process.exit(error ? 1 : 0);
});
