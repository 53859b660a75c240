// Text that strangers chose -> the same text without anything that a terminal obeys.
/** C0, DEL, C1 and the characters that change the text direction; the escapes are valid in JSON too. */
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export function escapeControls(text: string): string {
  return text.replace(CONTROLS, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
