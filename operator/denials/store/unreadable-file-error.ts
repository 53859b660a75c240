// A file of rows that cannot be read. The message is the reason, without the place of the file, which its owner knows.
export class UnreadableFileError extends Error {}
