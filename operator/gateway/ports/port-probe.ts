// Tries whether a port can be listened on right now. The answer may be outdated the next moment; it is for clear
// messages, not for reserving.
import { createServer } from 'node:net';
import { formatHostPort } from '../../lib/host-port.ts';

const OTHER_RANGE = 'choose another port range';

/**
 * Undefined when free, else a sentence that says why not and what to do; port 0 stands for any. `other`: how to choose
 * another port. Never throws.
 */
export function portProblem(address: string, port: number, other = OTHER_RANGE): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(portSentence(port === 0 ? address : formatHostPort(address, port), error, other));
    });
    server.listen({ host: address, port, exclusive: true }, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}

/** Whether the address and port can be listened on right now. */
export async function isPortFree(address: string, port: number): Promise<boolean> {
  return (await portProblem(address, port)) === undefined;
}

/** Why it cannot be listened on, and what to do. */
export function portSentence(endpoint: string, error: NodeJS.ErrnoException, other = OTHER_RANGE): string {
  if (error.code === 'EADDRINUSE') {
    return `Cannot listen on "${endpoint}": another process has this port, stop it or ${other}`;
  }
  if (error.code === 'EADDRNOTAVAIL') {
    return `Cannot listen on "${endpoint}": this machine does not have the address, choose one of its own`;
  }
  if (error.code === 'EACCES') {
    return `Cannot listen on "${endpoint}": the port needs privileges, choose one above 1023`;
  }
  return `Cannot listen on "${endpoint}": ${error.message}`;
}
