import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { buildDist, loadedWith } from '../scripts/build.ts'

const checkout = resolve(import.meta.dirname, '..')
let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tandem-bundle-'))
  cpSync(join(checkout, 'bin'), join(root, 'bin'), { recursive: true })
  write('package.json', '{ "type": "module" }')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

function run(command: string, args: readonly string[], path = `${dirname(process.execPath)}:/usr/bin:/bin`) {
  const done = spawnSync(command, args, { encoding: 'utf8', env: { PATH: path } })
  return { status: done.status, stdout: done.stdout, stderr: done.stderr }
}

/** A program on PATH that says it is Node of another version: it runs the real one with the version replaced. */
function oldNode(): string {
  write('patch.cjs', `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`)
  write('old/node', `#!/bin/sh\nexec ${process.execPath} --require ${join(root, 'patch.cjs')} "$@"\n`)
  chmodSync(join(root, 'old/node'), 0o755)
  return `${join(root, 'old')}:/usr/bin:/bin`
}

describe('the package', () => {
  it('has no script of which npm warns where it is installed', () => {
    const { scripts } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { scripts: object }
    const warned = ['preinstall', 'install', 'postinstall', 'prepare']
    expect(Object.keys(scripts).filter(name => warned.includes(name))).toEqual([])
  })
})

describe('the wrappers', () => {
  it('are one text for both commands', () => {
    expect(readFileSync(join(checkout, 'bin/claude-codex'), 'utf8')).toBe(
      readFileSync(join(checkout, 'bin/tandem'), 'utf8'),
    )
  })

  it('find their package through relative and absolute links and pass arguments and exit code on', () => {
    write('dist/tandem.js', 'console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 7')
    mkdirSync(join(root, 'elsewhere'))
    symlinkSync('../bin/tandem', join(root, 'elsewhere/relative'))
    symlinkSync(join(root, 'elsewhere/relative'), join(root, 'absolute'))
    expect(run(join(root, 'absolute'), ['a b', '', '*'])).toEqual({ status: 7, stdout: '["a b","","*"]\n', stderr: '' })
  })

  it('say how to get a missing bundle', () => {
    expect(run(join(root, 'bin/claude-codex'), [])).toMatchObject({
      status: 78,
      stderr: expect.stringContaining('npm ci'),
    })
  })

  it('say what to install where there is no Node at all', () => {
    write('dist/tandem.js', '')
    mkdirSync(join(root, 'tools'))
    for (const tool of ['sh', 'readlink']) symlinkSync(`/bin/${tool}`, join(root, 'tools', tool))
    expect(run(join(root, 'bin/tandem'), [], join(root, 'tools'))).toMatchObject({
      status: 78,
      stderr: expect.stringContaining('no node on PATH'),
    })
  })

  it('prefer the Node of the package, then one installed beside it, to the one on PATH', () => {
    const packageDir = 'modules/tandem-agents'
    write(`${packageDir}/dist/tandem.js`, '')
    cpSync(join(checkout, 'bin'), join(root, packageDir, 'bin'), { recursive: true })
    const fake = (path: string, name: string) => {
      write(path, `#!/bin/sh\necho ${name}\n`)
      chmodSync(join(root, path), 0o755)
    }
    fake('path/node', 'on PATH')
    const searched = `${join(root, 'path')}:/usr/bin:/bin`
    const seen = () => run(join(root, packageDir, 'bin/tandem'), [], searched).stdout.trim()
    const first = seen()
    fake('modules/node/bin/node', 'beside the package')
    const second = seen()
    fake(`${packageDir}/node_modules/node/bin/node`, 'of the package')
    expect([first, second, seen()]).toEqual(['on PATH', 'beside the package', 'of the package'])
  })
})

describe('the bundle', () => {
  it('finds its files and workers beside itself, as the source does', async () => {
    write('src/app/main.ts', `import { open } from '../store/open.ts'\nconsole.log(await open())`)
    write(
      'src/store/open.ts',
      `import { readFileSync } from 'node:fs'
       import { Worker } from 'node:worker_threads'
       export async function open() {
         const text = readFileSync(new URL('./words.txt', import.meta.url), 'utf8')
         const worker = new Worker(new URL('./writer-thread.ts', import.meta.url), { workerData: text })
         return new Promise<string>(resolve => worker.once('message', resolve))
       }`,
    )
    write('src/store/words.txt', 'from a file')
    write(
      'src/store/writer-thread.ts',
      `import { parentPort, workerData } from 'node:worker_threads'\nparentPort!.postMessage(workerData + ' and a worker')`,
    )
    await buildDist(root, () => undefined)
    const fromSource = execFileSync(process.execPath, [join(root, 'src/app/main.ts')], { encoding: 'utf8' })
    expect([run(join(root, 'bin/tandem'), []).stdout, fromSource]).toEqual([
      'from a file and a worker\n',
      'from a file and a worker\n',
    ])
  })

  it('loads of a room only the files whose names a program uses', async () => {
    write('package.json', '{ "type": "module", "imports": { "#room": "./src/room/index.ts" } }')
    write('src/room/index.ts', `export { one, type Two } from './one.ts'\nexport { other } from './other.ts'\n`)
    write('src/room/one.ts', `export type Two = 2\nconsole.log('one is loaded')\nexport const one = 1`)
    write('src/room/other.ts', `console.log('other is loaded')\nexport const other: number = 2`)
    write('src/app/later.ts', `import { other as late } from '#room'\nexport const shown = late\n`)
    write(
      'src/app/main.ts',
      `import {\n  one,\n  type Two,\n} from '#room'\nconst two: Two = 2\nconsole.log(one + two)\nif (process.argv[2] === 'more') console.log((await import('./later.ts')).shown)\n`,
    )
    await buildDist(root, () => undefined)
    expect(run(join(root, 'bin/tandem'), []).stdout).toBe('one is loaded\n3\n')
    expect(run(join(root, 'bin/tandem'), ['more']).stdout).toBe('one is loaded\n3\nother is loaded\n2\n')
  })

  it('refuses an address that would not be there', async () => {
    write('src/app/main.ts', `console.log(new URL('./missing.txt', import.meta.url))`)
    await expect(buildDist(root, () => undefined)).rejects.toThrow('missing.txt, which does not exist')
  })

  it('is refused by an old Node with the reason and exit code 78', async () => {
    write('src/app/main.ts', `console.log('started')`)
    await buildDist(root, () => undefined)
    const refused = run(join(root, 'bin/tandem'), ['up'], oldNode())
    expect(refused).toEqual({
      status: 78,
      stdout: '',
      stderr: expect.stringContaining('Node 20.20.2 is too old; it needs Node 24'),
    })
    // Without --global npm would make the directory of a global installation fit an empty list, and delete Tandem.
    expect(refused.stderr).toContain('beside Tandem: npm install --global node@24 ')
  })

  it('keeps nothing of the build before', async () => {
    write('dist/chunk-OLD.js', '')
    write('src/app/main.ts', `console.log(1)`)
    await buildDist(root, () => undefined)
    expect(readdirSync(join(root, 'dist')).sort()).toEqual(['THIRD-PARTY.txt', 'tandem.js', 'tandem.main.js'])
  })

  it('leaves alone what did not change, and what did stays whole for a program that reads it', async () => {
    write(
      'src/app/main.ts',
      `console.log(new URL('./words.txt', import.meta.url), new URL('./more/', import.meta.url))`,
    )
    const sources = ['words.txt', 'more/words.txt']
    for (const path of sources) write(`src/app/${path}`, 'of the build before')
    await buildDist(root, () => undefined)
    const opened = sources.map(path => openSync(join(root, 'dist', path), 'r'))
    const inodes = () => sources.map(path => statSync(join(root, 'dist', path)).ino)
    const first = inodes()
    await buildDist(root, () => undefined)
    expect(inodes()).toEqual(first)
    for (const path of sources) write(`src/app/${path}`, 'new')
    await buildDist(root, () => undefined)
    const there = sources.map(path => readFileSync(join(root, 'dist', path), 'utf8'))
    const before = opened.map(file => readFileSync(file, 'utf8'))
    opened.forEach(file => closeSync(file))
    expect([there, before]).toEqual([
      ['new', 'new'],
      ['of the build before', 'of the build before'],
    ])
  })

  it('names every package it contains with its licence', async () => {
    symlinkSync(join(checkout, 'node_modules'), join(root, 'node_modules'))
    write('src/app/main.ts', `import { parse } from 'smol-toml'\nconsole.log(parse('a = 1').a)`)
    await buildDist(root, () => undefined)
    expect(run(join(root, 'bin/tandem'), []).stdout).toBe('1\n')
    expect(readFileSync(join(root, 'dist/THIRD-PARTY.txt'), 'utf8')).toMatch(
      /smol-toml@\S+ \(BSD-3-Clause\)[^]*Copyright/,
    )
  })

  it('names packages of which only files are copied, too', async () => {
    symlinkSync(join(checkout, 'node_modules'), join(root, 'node_modules'))
    const page = '../../node_modules/swagger-ui-dist/swagger-ui.css'
    write('src/app/main.ts', `console.log(new URL('${page}', import.meta.url).href)`)
    await buildDist(root, () => undefined)
    expect(run(join(root, 'bin/tandem'), []).stdout).toBe(`file://${join(root, 'dist/swagger-ui.css')}\n`)
    expect(readFileSync(join(root, 'dist/THIRD-PARTY.txt'), 'utf8')).toMatch(/swagger-ui-dist@\S+ \(Apache-2\.0\)/)
  })
})

describe('the bundle as it is shipped', () => {
  const dist = join(checkout, 'dist')
  const files = () => new Map(readdirSync(dist).map(name => [name, readFileSync(join(dist, name), 'utf8')]))

  it('has every program and worker', () => {
    const there = readdirSync(dist)
    expect(
      ['tandem.js', 'tandem.main.js', 'claude-codex.js', 'claude-codex.main.js', 'store-writer.js'].filter(
        name => !there.includes(name),
      ),
    ).toEqual([])
  })

  it('says its version before it loads anything', () => {
    const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string }
    for (const flag of ['--version', '-V'])
      expect(run(join(checkout, 'bin/tandem'), [flag])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' })
    write('alone/tandem.js', readFileSync(join(dist, 'tandem.js'), 'utf8'))
    expect(run(process.execPath, [join(root, 'alone/tandem.js'), '--version']).stdout).toBe(`${version}\n`)
    expect(run('/bin/sh', ['-c', `'${join(checkout, 'bin/tandem')}' --version | true`])).toMatchObject({ stderr: '' })
  })

  it.each([
    ['tandem.main.js', 16],
    ['claude-codex.main.js', 400],
  ])('%s loads at most %i kB before it knows what to do', (name, kilobytes) => {
    const all = files()
    const bytes = loadedWith(all, name).map(part => Buffer.byteLength(all.get(part) ?? ''))
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(kilobytes * 1024)
  })
})
