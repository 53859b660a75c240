// The block of ports of a lane (in embedded mode of a workspace and product), and what each is for. The Service of the
// lane has the ports that clients know. What is left of the block is for the further TLS ports of a table.

/** A power of two; blocks are aligned to it. */
export const BLOCK_SIZE = 8;

export interface LanePort {
  readonly name: string;
  readonly protocol: 'TCP' | 'UDP';
  /** Of the Service. */
  readonly port: number;
  /** From the first port of the block. */
  readonly offset: number;
}

export const PROXY_PORT = 3128;

export const LANE_PORTS: readonly LanePort[] = [
  { name: 'proxy', protocol: 'TCP', port: PROXY_PORT, offset: 0 },
  { name: 'tls', protocol: 'TCP', port: 443, offset: 1 },
  { name: 'http', protocol: 'TCP', port: 80, offset: 2 },
  { name: 'dns', protocol: 'UDP', port: 53, offset: 3 },
  { name: 'dns-tcp', protocol: 'TCP', port: 53, offset: 3 },
];
