import { expect, it } from 'vitest'
import { programPlaces } from './program-places.ts'

it('looks on PATH, then beside our package and in every folder above it, and never in the current directory', () => {
  const places = programPlaces('claude', {
    path: '/usr/bin::bin:./x:/opt/bin:/usr/bin',
    packageRoot: '/app/node_modules/ours/',
  })
  expect(places.map(({ source, file }) => `${source} ${file}`)).toEqual([
    'path /usr/bin/claude',
    'path /opt/bin/claude',
    'package /app/node_modules/ours/node_modules/.bin/claude',
    'package /app/node_modules/node_modules/.bin/claude',
    'package /app/node_modules/.bin/claude',
    'package /node_modules/.bin/claude',
  ])
  expect(programPlaces('claude', { path: '' })).toEqual([])
})
