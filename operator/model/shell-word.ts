// A text -> one word of a shell command. Names of owners are a tenant's text, and people copy commands that are made of
// them: so no text may become several words, a second command, or what a terminal does not show as it is.
const PLAIN = /^[\w./:=@%+,-]+$/;
const PRINTABLE = /^[ -~]*$/;

/** For sh; where a text has other than printable ASCII, for bash, zsh and ksh. */
export function shellWord(text: string): string {
  if (PLAIN.test(text)) return text;
  if (PRINTABLE.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`;
  return `$'${[...new TextEncoder().encode(text)].map(escapedByte).join('')}'`;
}

/** As an argument that is no option, whatever it begins with. */
export function shellOperand(text: string): string {
  return text.startsWith('-') ? `-- ${shellWord(text)}` : shellWord(text);
}

/** Three octal digits, since more hexadecimal ones than two would belong to the escape too. */
function escapedByte(byte: number): string {
  const character = String.fromCharCode(byte);
  return PLAIN.test(character) ? character : `\\${byte.toString(8).padStart(3, '0')}`;
}
