import { z } from 'zod'

/** What `tandem store copy` copied; each table was read back and compared. */
export const storeCopySchema = z.strictObject({
  /** A file, or the address of a database without its password. */
  from: z.string(),
  to: z.string(),
  tables: z
    .array(
      z.strictObject({
        name: z.string(),
        rows: z.int(),
        /** Of the contents, in order: equal on both sides. */ sha256: z.string(),
      }),
    )
    .readonly(),
  /** That own the rows; each daemon of a shared database is one. */
  nodes: z.array(z.string()).readonly(),
  /** Which of them this state directory is; null: it has not been one yet. */
  node_id: z.string().nullable(),
  /** What to know or do next. */
  notes: z.array(z.string()).readonly(),
})
export type StoreCopy = z.infer<typeof storeCopySchema>
