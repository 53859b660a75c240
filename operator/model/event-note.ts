// The note of an Event: the API server accepts no longer one.
const MAX_NOTE_BYTES = 1024;
const ELLIPSIS = '…';

/** Cut between characters. `end` follows and is not cut: it must be shorter than a note. */
export function truncatedNote(text: string, end = ''): string {
  const most = MAX_NOTE_BYTES - Buffer.byteLength(end);
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return `${text}${end}`;
  const room = most - Buffer.byteLength(ELLIPSIS);
  // A stream decoder drops an incomplete character.
  return `${new TextDecoder().decode(bytes.subarray(0, room), { stream: true })}${ELLIPSIS}${end}`;
}
