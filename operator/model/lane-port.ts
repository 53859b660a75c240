// The block of ports of a lane (in embedded mode of a workspace and product), and what each is for. The Service of the
// lane has the ports that clients know. The rest of the block is for further TLS ports of the table.
/** A power of two; blocks are aligned to it. */
export const BLOCK_SIZE = 8;

/**
 * 3,072 blocks in a cluster, between the port of health checks and those that the kernel gives to outgoing connections.
 */
export const LANE_PORT_RANGE = { from: 8192, to: 32_767, size: BLOCK_SIZE };

export interface LanePort {
  readonly name: string;
  readonly protocol: 'TCP' | 'UDP';
  /** Of the Service. */
  readonly port: number;
  /** From the first port of the block. */
  readonly offset: number;
}

export const PROXY_PORT = 3128;

export const HTTPS_PORT = 443;
export const TLS_OFFSET = 1;
export const HTTP_OFFSET = 2;
export const DNS_OFFSET = 3;

export const LANE_PORTS: readonly LanePort[] = [
  { name: 'proxy', protocol: 'TCP', port: PROXY_PORT, offset: 0 },
  { name: 'tls', protocol: 'TCP', port: HTTPS_PORT, offset: TLS_OFFSET },
  { name: 'http', protocol: 'TCP', port: 80, offset: HTTP_OFFSET },
  { name: 'dns', protocol: 'UDP', port: 53, offset: DNS_OFFSET },
  { name: 'dns-tcp', protocol: 'TCP', port: 53, offset: DNS_OFFSET },
];

/** A TLS port other than 443, and the offset of its listening port in the block. */
export interface TlsPort {
  readonly port: number;
  readonly offset: number;
}

/** Offsets of further TLS ports. */
export const TLS_PORT_OFFSETS: readonly number[] = [4, 5, 6, 7];
