// One TCP connection to an address, closed as soon as it is accepted: nothing is ever sent.
import { connect } from 'node:net';

/** A first packet that is lost is sent again after a second. */
const DIAL_MS = 2000;

/** Whether somebody accepts it in time; a refusal counts as closed, since policies refuse too. Never throws. */
export function dial({
  address,
  port,
}: {
  readonly address: string;
  readonly port: number;
}): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const end = (isOpen: boolean): void => {
      clearTimeout(late);
      socket.destroy();
      resolve(isOpen);
    };
    const late = setTimeout(end, DIAL_MS, false);
    socket.once('connect', () => end(true));
    // Also when it is destroyed: it may complain late.
    socket.on('error', () => end(false));
  });
}
