// How commands write rows. Imports nothing, so that the command line may.
export const OUTPUT_FORMATS = ['table', 'json', 'yaml', 'csv', 'parquet'] as const;
/** What is text, row by row. */
export type TextFormat = Exclude<(typeof OUTPUT_FORMATS)[number], 'parquet'>;
