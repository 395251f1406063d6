export interface ProgramSearch {
  /** The PATH variable. */
  readonly path: string
  /** Our own package's folder: what is installed in its `node_modules`, or in one above it, is found too. */
  readonly packageRoot?: string | undefined
}

/**
 * Where a program is looked for, in order: the entries of PATH, then `node_modules/.bin` of our package and of every folder above it.
 * Each once. Entries of PATH that are empty or relative mean the current directory: what lies there is not to be started by accident.
 */
export function programPlaces(name: string, { path, packageRoot }: ProgramSearch): readonly ProgramPlace[] {
  const onPath = new Set(path.split(':').filter(folder => folder.startsWith('/')))
  const inPackages = packageRoot === undefined ? [] : andAbove(packageRoot.replace(/\/+$/, ''))
  return [
    ...[...onPath].map(folder => ({ source: 'path', file: `${folder}/${name}` }) as const),
    ...inPackages.map(folder => ({ source: 'package', file: `${folder}/node_modules/.bin/${name}` }) as const),
  ]
}

export interface ProgramPlace {
  readonly source: 'path' | 'package'
  readonly file: string
}

function andAbove(folder: string): readonly string[] {
  if (folder === '') return ['']
  return [folder, ...andAbove(folder.slice(0, Math.max(0, folder.lastIndexOf('/'))))]
}
