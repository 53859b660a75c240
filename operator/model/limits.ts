// What one client, one workspace and one gateway may use up, in one place. The table "What is bounded" of README.md says
// what happens beyond each; a test compares the two.

/** The longest authority that can name anything: 253 characters of a name, ":" and a port. */
export const LONGEST_AUTHORITY_BYTES = 259;
