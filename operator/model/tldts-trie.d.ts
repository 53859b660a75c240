// The Public Suffix List inside of tldts: a tree of labels, from the top-level domains down. The package does not
// document it, and has no other interface for the rules below a name.
declare module 'tldts/dist/cjs/src/data/trie.js' {
  interface Trie {
    /** By node; 2: a rule of the private section ends here. */
    readonly nodeFlags: Uint8Array;
    /** Edges of a node: from its own start up to the next node's. */
    readonly edgeStart: ArrayLike<number>;
    readonly edgeLength: ArrayLike<number>;
    readonly edgeChild: ArrayLike<number>;
    /** Labels of all edges, one behind the other. */
    readonly labelText: string;
    readonly rulesRoot: number;
  }
  const trie: Trie;
  export default trie;
}
