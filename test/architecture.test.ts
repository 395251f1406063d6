import { existsSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { closureOf, cycleIn, packageOf } from './support/import-graph.ts'
import { projectRoot, readSource, sourceFileOf } from './support/source.ts'
import type { Import, SourceFile } from './support/source.ts'

/*
 * The house rules about rooms, as data. A room may import what its row names and nothing else; a row that grows is a
 * decision, made here and in ARCHITECTURE.md together. Rooms that are planned have their rows already.
 */
interface Room {
  readonly rooms: readonly string[]
  /** npm packages. */
  readonly packages?: readonly string[]
}

const house: Readonly<Record<string, Room>> = {
  kernel: { rooms: [] },
  contracts: { rooms: ['kernel'], packages: ['zod'] },
  protocols: { rooms: ['kernel', 'contracts'] },
  store: { rooms: ['kernel', 'contracts'], packages: ['kysely', 'pg', 'zod'] },
  codex: { rooms: ['kernel', 'contracts'], packages: ['zod', 'smol-toml'] },
  ops: { rooms: ['kernel', 'contracts', 'store'], packages: ['pino'] },
  agents: { rooms: ['kernel', 'contracts', 'codex', 'store'], packages: ['zod'] },
  workflows: { rooms: ['kernel', 'contracts', 'agents', 'store'], packages: ['zod'] },
  gateway: { rooms: ['kernel', 'contracts', 'protocols', 'store'], packages: ['undici', 'zod'] },
  verbs: { rooms: ['kernel', 'contracts', 'agents', 'workflows', 'gateway', 'store', 'ops'] },
  client: { rooms: ['kernel', 'contracts'], packages: ['zod'] },
  socket: { rooms: ['kernel', 'contracts'] },
  http: { rooms: ['kernel', 'contracts'], packages: ['hono', '@hono/node-server', 'zod'] },
  mcp: { rooms: ['kernel', 'contracts'], packages: ['@modelcontextprotocol/sdk', 'zod'] },
  cli: { rooms: ['kernel', 'contracts', 'client'], packages: ['commander', 'zod'] },
  launcher: { rooms: ['kernel', 'contracts', 'client'] },
  'scripted-model': { rooms: ['kernel', 'contracts', 'protocols'], packages: ['zod'] },
  local: {
    rooms: ['kernel', 'contracts', 'codex', 'store', 'ops', 'client', 'scripted-model'],
    packages: ['zod'],
  },
  // The composition roots: every room.
  app: { rooms: ['*'], packages: ['smol-toml'] },
}

/** Who may touch what of the machine. A built-in of Node that is not named here is open to every room that is not pure. */
const machine: Readonly<Record<string, readonly string[]>> = {
  sqlite: ['store', 'app'],
  worker_threads: ['store', 'agents'],
  child_process: ['codex', 'agents', 'client', 'local'],
  net: ['socket', 'client', 'gateway', 'app'],
  http: ['scripted-model', 'http', 'gateway'],
  https: ['gateway'],
  vm: [],
  cluster: [],
}

/** Rooms without input and output, and the little of Node that they need. */
const pure: Readonly<Record<string, readonly string[]>> = { kernel: ['crypto', 'util'], contracts: [], protocols: [] }

/** Rooms of the daemon: a command that starts fast has none of them. */
const heavyRooms = ['store', 'codex', 'ops', 'agents', 'workflows', 'gateway', 'verbs', 'socket', 'http', 'local']

const source = readSource()
const code = source.filter(file => !file.isTest)
const roomsThere = [...new Set(source.map(file => file.room))]

describe('the arrows between rooms', () => {
  it('every folder under src/ is a room of the table', () => {
    expect(roomsThere.filter(room => !(room in house))).toEqual([])
  })

  it('the import map names exactly the rooms that exist', () => {
    const manifest: unknown = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'))
    const withFace = roomsThere.filter(room => existsSync(join(projectRoot, 'src', room, 'index.ts')))
    expect(manifest).toMatchObject({
      imports: Object.fromEntries(withFace.map(room => [`#${room}`, `./src/${room}/index.ts`])),
    })
    const mapped = Object.keys((manifest as { imports: object }).imports).map(name => name.slice(1))
    expect(mapped.filter(room => !withFace.includes(room))).toEqual([])
  })

  it('each import is one that its room may have', () => {
    expect(code.flatMap(file => file.imports.flatMap(found => faultOf(file, found)))).toEqual([])
  })

  it('a test goes to other rooms through their faces, too', () => {
    const faults = source
      .filter(file => file.isTest)
      .flatMap(file =>
        file.imports.filter(found => isDetour(file, found)).map(found => `${file.path}: ${found.specifier}`),
      )
    expect(faults).toEqual([])
  })

  it('what an import leads to exists', () => {
    const lost = source.flatMap(file =>
      file.imports
        .filter(({ target }) => target !== undefined && !existsSync(join(projectRoot, target)))
        .map(found => `${file.path}: ${found.specifier}`),
    )
    expect(lost).toEqual([])
  })

  it('no cycle among files, types included', () => {
    const next = new Map(code.map(file => [file.path, file.imports.flatMap(({ target }) => target ?? [])]))
    expect(cycleIn(next)).toEqual([])
  })

  it('no cycle among rooms', () => {
    expect(cycleIn(new Map(Object.entries(house).map(([room, { rooms }]) => [room, rooms])))).toEqual([])
  })
})

describe('what a row grants', () => {
  it('is what ARCHITECTURE.md says of the rooms that exist', () => {
    const page = readFileSync(join(projectRoot, 'ARCHITECTURE.md'), 'utf8')
    const rows = [...page.matchAll(/^\| (`[^|]+) \|[^|]+\|([^|]*)\|$/gm)].flatMap(([, names = '', rooms = '']) =>
      [...names.matchAll(/`([^`]+)`/g)].map(
        ([, name = '']) => [name, rooms.split(',').map(room => room.trim())] as const,
      ),
    )
    const granted = roomsThere.map(name => {
      const rooms = house[name]?.rooms.filter(room => room === '*' || roomsThere.includes(room)) ?? []
      return [name, rooms.length === 0 ? [''] : rooms.map(room => (room === '*' ? 'all' : room))] as const
    })
    expect(inOrder(rows)).toEqual(inOrder(granted))
  })

  it('of packages and of the machine is used', () => {
    const uses = (room: string, specifier: string): boolean =>
      code.some(file => file.room === room && file.imports.some(found => packageOf(found.specifier) === specifier))
    const idle = roomsThere.flatMap(room => {
      const builtins = Object.keys(machine).filter(builtin => machine[builtin]?.includes(room))
      const specifiers = [...(house[room]?.packages ?? []), ...builtins.map(builtin => `node:${builtin}`)]
      return specifiers.filter(specifier => !uses(room, specifier)).map(specifier => `${room}: ${specifier}`)
    })
    expect(idle).toEqual([])
  })
})

describe('what a command loads', () => {
  it.each(['cli', 'launcher', 'client', 'mcp'].filter(room => roomsThere.includes(room)))(
    '%s never reaches a room of the daemon, not even on demand',
    room => {
      const reached = closureOf(code, [`src/${room}/index.ts`], ['static', 'dynamic'])
      expect(reached.filter(path => heavyRooms.includes(path.split('/')[1] ?? ''))).toEqual([])
    },
  )

  it.each(['src/app/main.ts', 'src/app/launcher-main.ts'].filter(path => existsSync(join(projectRoot, path))))(
    '%s loads no room of the daemon before it is asked to',
    entry => {
      const reached = closureOf(code, [entry], ['static'])
      expect(reached.filter(path => heavyRooms.includes(path.split('/')[1] ?? ''))).toEqual([])
    },
  )

  it('a daemon that keeps its rows in a file loads nothing of Postgres', () => {
    const reached = closureOf(code, ['src/app/daemon.ts'], ['static'])
    expect(reached).toContain('src/store/open-store.ts')
    expect(reached.filter(path => /postgres/.test(path))).toEqual([])
    const users = code.filter(file => file.imports.some(found => found.specifier === 'pg')).map(file => file.path)
    expect(users.filter(path => reached.includes(path))).toEqual([])
    expect(closureOf(code, ['src/app/daemon.ts'], ['static', 'dynamic'])).toEqual(expect.arrayContaining(users))
  })
})

describe('the face of a room', () => {
  it.each(roomsThere.filter(room => room !== 'app'))('%s has one that only lists names', room => {
    const index = code.find(file => file.path === `src/${room}/index.ts`)
    const rest = index?.text
      .replace(/\/\*[^]*?\*\//g, '')
      .replace(/^\/\/.*$/gm, '')
      .replace(/^export (?:type )?\{[^}]*\} from '\.\/[^']+'$/gm, '')
      .trim()
    expect(rest).toBe('')
  })
})

describe('files', () => {
  it('are named for what they hold', () => {
    const names = source.map(file => file.path)
    expect(names.filter(path => /\b(utils?|helpers?|common|misc|manager)\b/.test(basename(path)))).toEqual([])
    expect(names.filter(path => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/.test(basename(path)))).toEqual([])
  })

  it('are short: nine of ten under 250 lines', () => {
    const lengths = code.map(file => file.text.split('\n').length).sort((a, b) => a - b)
    expect(lengths[Math.floor(lengths.length * 0.9)]).toBeLessThan(250)
  })

  it('give errors their code only in the errors.ts of their room', () => {
    const makers = code.filter(file => /new AppError\(\s*['"`]/.test(file.text) && basename(file.path) !== 'errors.ts')
    expect(makers.map(file => file.path)).toEqual([])
  })

  it('read the environment only in app, and arguments only in app and cli', () => {
    const readers = code.flatMap(file => [
      ...(file.room !== 'app' && /\bprocess\.env\b/.test(file.code) ? [`${file.path}: process.env`] : []),
      ...(!['app', 'cli'].includes(file.room) && /\bprocess\.argv\b/.test(file.code)
        ? [`${file.path}: process.argv`]
        : []),
    ])
    expect(readers).toEqual([])
  })
})

describe('these checks', () => {
  const faultsOf = (path: string, text: string) => {
    const file = sourceFileOf(path, text)
    return file.imports.flatMap(found => faultOf(file, found)).length
  }

  it.each([
    ['a detour into another room', `import { x } from '../store/x.ts'`],
    ['a type-only one', `import type { X } from '../store/x.ts'`],
    ['an arrow that is not in the table', `import { openStore } from '#store'`],
    ['one on demand', `const late = await import('#store')`],
    ['a re-export', `export { openStore } from '#store'`],
    ['one over several lines', `import {\n  openStore,\n  type Store,\n} from '#store'`],
    ['a package that is not of this room', `import { Kysely } from 'kysely'`],
    ['a built-in that is not of this room', `import { readFileSync } from 'node:fs'`],
    ['a built-in without its prefix', `import { inspect } from 'util'`],
    ['a room that does not exist', `import { x } from '#attic'`],
    ['another file behind a face', `import { x } from '#kernel/clock'`],
  ])('see %s', (_, text) => {
    expect(faultsOf('src/contracts/example.ts', text)).toBe(1)
  })

  it('see nothing wrong in what is allowed', () => {
    const text = `import { z } from 'zod'\nimport { AppError } from '#kernel'\nexport { x } from './verbs/x.ts'\n// import { y } from '#store'\nconst text = \`\nimport { y } from '#store'\n\``
    expect(faultsOf('src/contracts/example.ts', text)).toBe(0)
  })

  it('find a cycle and name it', () => {
    const next = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['b']],
    ])
    expect(cycleIn(next)).toEqual(['b', 'c', 'b'])
  })
})

function faultOf(file: SourceFile, found: Import): readonly string[] {
  const why = whyNot(file, found)
  return why === undefined ? [] : [`${file.path}: ${found.specifier} (${why})`]
}

function whyNot(file: SourceFile, found: Import): string | undefined {
  const { specifier, target } = found
  const room = house[file.room]
  if (room === undefined) return 'unknown room'
  if (specifier.startsWith('#')) return mayEnter(room, specifier.slice(1)) ? undefined : 'not an arrow of its room'
  if (target !== undefined) return isDetour(file, found) ? 'leaves its room by path' : undefined
  if (specifier.startsWith('node:'))
    return mayTouch(file.room, specifier.slice(5)) ? undefined : 'not a built-in of its room'
  if (builtinModules.includes(specifier)) return 'write node: in front'
  return room.packages?.includes(packageOf(specifier)) ? undefined : 'not a package of its room'
}

const mayEnter = (room: Room, other: string): boolean =>
  other in house && (room.rooms.includes(other) || room.rooms.includes('*'))

const mayTouch = (room: string, builtin: string): boolean =>
  pure[room]?.includes(builtin) ?? machine[builtin]?.includes(room) ?? true

/** By path one stays in one's room. The version comes from package.json, for `app`; tests share what is under test/. */
function isDetour(file: SourceFile, found: Import): boolean {
  if (found.target === undefined || found.specifier.startsWith('#')) return false
  if (found.target.startsWith(`src/${file.room}/`)) return false
  if (file.room === 'app' && found.target === 'package.json') return false
  return !(file.isTest && found.target.startsWith('test/'))
}

/** Rooms with what they are granted; the order of neither matters. */
const inOrder = (rows: readonly (readonly [string, readonly string[]])[]): object =>
  Object.fromEntries(rows.map(([name, rooms]) => [name, [...rooms].sort()]))
