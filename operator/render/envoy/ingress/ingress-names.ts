// Names of ingress resources: of one workspace by its plan's name, which is unique, and by the generation of access
// where streams must end with it.
export const HTTP_LISTENER = 'ingress-http';
export const TLS_LISTENER = 'ingress-tls';

export function routesName(plan: string): string {
  return `routes-${plan}`;
}

export function scopeName(host: string): string {
  return `host-${host}`;
}

export function certificateName(plan: string): string {
  return `certificate-${plan}`;
}

export function backendsName(plan: string): string {
  return `backends-${plan}`;
}

/** Of an internal listener, and of the cluster that connects to it. */
export function passageName(plan: string, generation: number): string {
  return `passage-${plan}.${generation}`;
}

/** Prefix of the statistics of its connection managers. */
export const INGRESS_STATISTICS = 'ingress';
