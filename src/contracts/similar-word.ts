/** What was probably meant: the nearest of the known words that is two typing mistakes away at most, and less than half of the word. */
export function similarWord(word: string, known: readonly string[]): string | undefined {
  const mostMistakes = Math.min(2, Math.floor((word.length - 1) / 2))
  return known
    .map(candidate => ({ candidate, mistakes: mistakesBetween(word, candidate) }))
    .filter(({ mistakes }) => mistakes <= mostMistakes)
    .sort((one, other) => one.mistakes - other.mistakes)[0]?.candidate
}

/** Letters to leave out, add, replace, or swap with their neighbour (optimal string alignment). */
function mistakesBetween(one: string, other: string): number {
  let before: readonly number[] = []
  let last: readonly number[] = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1]
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
      current.push(
        Math.min(
          at(last, column) + 1,
          at(current, column - 1) + 1,
          at(last, column - 1) + (isSame ? 0 : 1),
          isSwapped ? at(before, column - 2) + 1 : Infinity,
        ),
      )
    }
    before = last
    last = current
  }
  return at(last, other.length)
}

const at = (row: readonly number[], column: number): number => row[column] ?? Infinity
