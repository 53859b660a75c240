// A port of a pod as a byte stream, through the API server: with the rights of the kubeconfig's user, and without a port
// of this machine that others could use.
import { type Duplex, duplexPair, PassThrough } from 'node:stream';
import { type KubeconfigPlace, loadKubeconfig } from './load-kubeconfig.ts';

export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

interface Socket {
  onclose: (() => void) | null;
  close(): void;
}

/** Throws where the API server refuses; `status` of the error is its HTTP status, 0 where there was no answer. */
export async function forwardPort(
  place: KubeconfigPlace,
  { namespace, pod, port }: PodPort,
): Promise<Duplex> {
  const { PortForward } = await import('@kubernetes/client-node');
  const forward = new PortForward(await loadKubeconfig(place));
  const [near, far] = duplexPair();
  // It may fail before anybody listens; whoever reads it then finds it failed.
  far.on('error', () => undefined);
  const errors = new PassThrough().setEncoding('utf8');
  errors.on('data', (text: string) => far.destroy(new Error(text.trim())));
  const socket = await forward
    .portForward(namespace, pod, [port], near, errors, near)
    .catch((cause: unknown) => {
      throw new ForwardFailure(cause);
    });
  const opened = socket as unknown as Socket;
  opened.onclose = () => near.end();
  far.once('close', () => opened.close());
  if (far.errored !== null) {
    opened.close();
    throw new ForwardFailure(far.errored);
  }
  return far;
}

export class ForwardFailure extends Error {
  readonly status: number;

  constructor(cause: unknown) {
    const { message = '' } = cause as { readonly message?: string };
    super(message, { cause });
    this.status = Number(/server response: (\d{3})/.exec(message)?.[1] ?? 0);
  }
}
