/* Code 128 as bars: where they begin and how wide they are, in modules. Drawn as SVG by whoever shows it. */
import JsBarcode from 'jsbarcode'

export interface Bars { modules: number; bars: { x: number; width: number }[] }

/* Null: the text cannot be printed as Code 128. */
export function code128(text: string): Bars | null {
  if (text === '') return null
  const drawn: { encodings?: { data: string }[] } = {}
  try {
    JsBarcode(drawn, text, { format: 'CODE128' })
  } catch {
    return null
  }
  const data = drawn.encodings?.map((one) => one.data).join('') ?? ''
  const bars = [...data.matchAll(/1+/g)].map((run) => ({ x: run.index, width: run[0].length }))
  return bars.length === 0 ? null : { modules: data.length, bars }
}
