// One day of the denial log -> a Parquet file, with the rows of a former file of that day.
import type { Day, DayCount } from '../day-count.ts';
import { LOG_TABLES } from '../log-tables.ts';
import { sqlTypeOf } from './column-values.ts';
import { readDay } from './day-rows.ts';
import type { DenialStore } from './denial-store.ts';
import { type ParquetOptions, writeParquet } from './parquet-file.ts';

/** Resolves to the count of the rows that were in the log at the moment whose rows the file has. */
export async function writeDay(
  store: Pick<DenialStore, 'withReader'>,
  day: Day,
  { path, former }: Pick<ParquetOptions, 'path' | 'former'>,
): Promise<DayCount> {
  let counted: DayCount | undefined;
  const { columns = [] } = LOG_TABLES.find(({ name }) => name === day.table) ?? {};
  await writeParquet({
    path,
    columns: columns.map(({ name, type }) => ({ name, type: sqlTypeOf(type) })),
    fill: (take) =>
      store.withReader(async (connection) => {
        counted = await readDay(connection, day, take);
      }),
    ...(former === undefined ? {} : { former }),
  });
  if (counted === undefined) throw new Error('Cannot write a day that was not read');
  return counted;
}
