/*
 * A long list of which only windows are fetched: rows with holes, and which pages the eye needs next. Pure; the page does the calls.
 *
 * After a change (stale) rows stay as they are until the page that holds them is fetched anew, and only what is in view is.
 */
export const PAGE = 100

export interface Windowed<Row extends { id: string }> {
  rows: (Row | undefined)[]
  fresh: Set<number> /* pages that need no fetch */
}

export const noRows = <Row extends { id: string }>(): Windowed<Row> => ({ rows: [], fresh: new Set() })

/* Offsets of the pages that are to be fetched for what is in view, first to last row. */
export function wanted<Row extends { id: string }>(list: Windowed<Row>, first: number, last: number): number[] {
  const end = Math.min(last, Math.max(0, list.rows.length - 1))
  const offsets: number[] = []
  for (let page = Math.floor(Math.max(0, first) / PAGE); page * PAGE <= end; page++) if (!list.fresh.has(page)) offsets.push(page * PAGE)
  return offsets
}

/* What was fetched: one row is in one place, whatever was shown before. */
export function put<Row extends { id: string }>(list: Windowed<Row>, offset: number, rows: Row[], total: number): Windowed<Row> {
  const ids = new Set(rows.map((row) => row.id))
  const next: (Row | undefined)[] = list.rows.slice(0, total).map((row) => (row !== undefined && ids.has(row.id) ? undefined : row))
  while (next.length < total) next.push(undefined)
  rows.forEach((row, index) => {
    if (offset + index < total) next[offset + index] = row
  })
  for (let index = offset + rows.length; index < Math.min(offset + PAGE, total); index++) next[index] = undefined
  const fresh = new Set([...list.fresh].filter((page) => page * PAGE < total))
  /* a row that was taken from a page to this one leaves a hole there: that page is asked for again when it is looked at */
  for (const page of [...fresh]) if (next.slice(page * PAGE, (page + 1) * PAGE).includes(undefined)) fresh.delete(page)
  if (rows.length === Math.min(PAGE, Math.max(0, total - offset))) fresh.add(offset / PAGE)
  return { rows: next, fresh }
}

export const stale = <Row extends { id: string }>(list: Windowed<Row>): Windowed<Row> => ({ rows: list.rows, fresh: new Set() })
