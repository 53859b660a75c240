// What one client, one workspace and one gateway may use up, in one place. The table "What is bounded" of README.md says
// what happens beyond each; a test compares the two.

/** The longest authority that can name anything: 253 characters of a name, ":" and a port. */
export const LONGEST_AUTHORITY_BYTES = 259;

/** Of a log line, in bytes: more than ours have. Of a longer one the texts are cut before anybody parses it. */
export const LONGEST_LINE_BYTES = 4096;
