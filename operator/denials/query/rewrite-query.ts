// SQL as the product page writes it in, SQL that DuckDB runs out: "system.access." -> "access." and "SORT BY" -> "ORDER
// BY". String literals, quoted identifiers and comments pass through untouched; so does all else.
/**
 * One token at a time, first match wins. The two rewritten phrases stand before the plain word, and a word is taken
 * whole, so that neither can match inside a longer name. Unterminated quotes reach to the end.
 */
const token = new RegExp(
  [
    String.raw`(?<comment>\/\*)`,
    String.raw`--[^\n\r]*`,
    String.raw`e'[^'\\]*(?:(?:\\[^]|'')[^'\\]*)*(?:'|$)`,
    String.raw`'[^']*(?:''[^']*)*(?:'|$)`,
    String.raw`"[^"]*(?:""[^"]*)*(?:"|$)`,
    String.raw`\$(?<tag>(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?)\$[^]*?(?:\$\k<tag>\$|$)`,
    // In "a.system.access.b" the word after the dot is not the catalog.
    String.raw`(?<system>system(?<!\.\s*system)\s*\.\s*access\s*\.)`,
    String.raw`sort(?<gap>\s+)by(?![\w$\u0080-\uffff])`,
    String.raw`[\w\u0080-\uffff][\w$\u0080-\uffff]*`,
  ].join('|'),
  'gi',
);

export function rewriteQuery(sql: string): string {
  const scanner = new RegExp(token);
  let rewritten = '';
  let copied = 0;
  for (let match = scanner.exec(sql); match; match = scanner.exec(sql)) {
    const { comment, system, gap } = match.groups ?? {};
    if (comment) scanner.lastIndex = commentEnd(sql, match.index);
    const replacement = system ? 'access.' : gap && `ORDER${gap}BY`;
    if (!replacement) continue;
    rewritten += sql.slice(copied, match.index) + replacement;
    copied = scanner.lastIndex;
  }
  return rewritten + sql.slice(copied);
}

/** Block comments nest, as in PostgreSQL, which a regular expression cannot follow. */
function commentEnd(sql: string, start: number): number {
  const bracket = /\/\*|\*\//g;
  bracket.lastIndex = start;
  let depth = 0;
  for (let match = bracket.exec(sql); match; match = bracket.exec(sql)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return bracket.lastIndex;
  }
  return sql.length;
}
