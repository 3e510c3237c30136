/* Names on shared screens: the first character stays, the rest is hidden; its length, too. */
export function maskName(name: string): string {
  const first = Array.from(name.trim())[0]
  return first === undefined ? '' : `${first}＊＊`
}
