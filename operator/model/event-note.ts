// The note of an Event: the API server accepts no longer one.
const MAX_NOTE_BYTES = 1024;
const ELLIPSIS = '…';

/** Cut between characters. */
export function truncatedNote(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_NOTE_BYTES) return text;
  const room = MAX_NOTE_BYTES - Buffer.byteLength(ELLIPSIS);
  // A stream decoder drops an incomplete character.
  return `${new TextDecoder().decode(bytes.subarray(0, room), { stream: true })}${ELLIPSIS}`;
}
