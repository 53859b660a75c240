// What one client, one workspace and one gateway may use up, in one place. The table "What is bounded" of README.md says
// what happens beyond each; a test compares the two.

/** The longest authority that can name anything: 253 characters of a name, ":" and a port. */
export const LONGEST_AUTHORITY_BYTES = 259;

/** Of a log line, in bytes: more than ours have. Of a longer one the texts are cut before anybody parses it. */
export const LONGEST_LINE_BYTES = 4096;

/**
 * How much waits in each buffer between a client and its server, and a tunnel has five of them or more. With Envoy's 1 MiB
 * a tunnel whose client does not read costs 4 to 7 MB; with this 110 to 230 KB, half of it for the tunnel itself. One fast
 * tunnel takes 1.1 s of CPU per GB instead of 0.7, which is still 900 MB/s of a core. A ClientHello must fit.
 */
export const BUFFER_BYTES = 16_384;
