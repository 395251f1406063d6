/** Colours, or nothing where they do not belong. Text from outside is made plain before it is painted. */
export interface Paint {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
}

export function createPaint(isOn: boolean): Paint {
  const between =
    (start: number, end: number) =>
    (text: string): string =>
      isOn && text !== '' ? `\x1b[${start}m${text}\x1b[${end}m` : text
  return {
    bold: between(1, 22),
    dim: between(2, 22),
    red: between(31, 39),
    green: between(32, 39),
    yellow: between(33, 39),
  }
}
