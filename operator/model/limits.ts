// What one client, one workspace and one gateway may use up. The table "What is bounded" of README.md says what happens
// beyond each.
/** The longest authority that can name anything: 253 characters of a name, ":" and a port. */
export const LONGEST_AUTHORITY_BYTES = 259;

/** Bytes of a log line: more than ours have. The texts of a longer one are truncated before it is parsed. */
export const LONGEST_LINE_BYTES = 4096;

/**
 * How much waits in each buffer between a client and its server, and a tunnel has five of them or more. Envoy reads 16
 * KiB at a time, at least, and stops when there is more than the limit: with a byte less it stops after one reading.
 * With Envoy's 1 MiB a tunnel whose client does not read costs 4 to 7 MB; with this 115 KB through CONNECT and up to
 * 210 KB on other ways, of which the tunnel itself is 65 and 115.
 */
export const BUFFER_BYTES = 16_383;

/** The pipe between two listeners inside Envoy, which takes another 16 KiB as long as there is not more in it. */
export const PIPE_KB = 15;

/**
 * More than any client sends, post-quantum keys included. A tunnel check must see it whole, so it must fit into a pipe.
 */
export const MAX_CLIENT_HELLO_BYTES = 15_360;

/** Of one workspace, product and access type in the denial log, unless another number is given (--denial-rows). */
export const DENIAL_ROWS_PER_SECOND = 100;

/** Connections of one gateway, where its descriptors allow as many; every cluster's circuit breakers lie above it. */
export const MAX_CONNECTIONS = 60_000;

/** Connections of one egress listener, unless another number is given (--max-connections). */
export const DEFAULT_MAX_CONNECTIONS = 4096;

/** All ports of one workspace together take no more of the connections of a gateway, and of Envoy's memory. */
export const WORKSPACE_SHARE = { connections: 3 / 4, memory: 1 / 2 } as const;

/** Of Envoy's memory, for a connection whose client does not read what it asked for. */
export const MOST_CONNECTION_BYTES = 210_000;

/** One port of ingress takes no more of the connections of its Envoy, and of its memory: the other one stays. */
export const PORT_SHARE = { connections: 3 / 4, memory: 1 / 2 } as const;

/** Of Envoy's memory, for a connection from outside that waits: 12 KB before a request, 21 KB between two by TLS. */
export const IDLE_CONNECTION_BYTES = 32_768;

/**
 * What Envoy may use of the memory of its container, or of the machine where that has no limit. The rest is for the
 * agent, the denial log, and what the kernel keeps for sockets.
 */
export const ENVOY_MEMORY_SHARE = 1 / 2;

/** An Envoy without any workspace has 40 MB. */
export const LEAST_ENVOY_MEMORY_MB = 64;

/** Each connection has another one to its server; the rest is for listeners, files and idle connections to servers. */
export const CONNECTIONS_PER_DESCRIPTOR = 0.45;

/** What a gateway needs before it takes any connection. */
export const RESERVED_DESCRIPTORS = 512;

/** Of a pod of a workspace that is to end: a gateway that preempts it waits for that long. */
export const LONGEST_GRACE_SECONDS = 600;

/** Of all keys and values of an object's annotations, as the API server limits them. */
export const MOST_ANNOTATION_BYTES = 262_144;

/** Of those, for what the operator writes to a pod. */
export const OWN_ANNOTATION_BYTES = 8192;
