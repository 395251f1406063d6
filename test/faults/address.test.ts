import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { rule, say } from '#scripted-model'
import { fault } from '../support/fault.ts'
import { needsRoot } from '../support/needs.ts'
import { endProcessesOf, processesOf } from '../support/tandem.ts'
import { openTandemWorld } from '../support/tandem-world.ts'
import { openUser } from '../support/user.ts'
import type { Output, TandemWorld } from '../support/tandem-world.ts'

/* What can be where the daemon wants to be. Each cure is taken from the error and run as it stands there. */

const echo = [rule('echo', {}, [say('you said {{lastText}}')])]
const patiently = { timeout: 20_000, interval: 50 }

/** Everything under a path, with kind, owner, mode, size and what a link leads to: none of it may change. */
function pictureOf(path: string): string {
  return execFileSync('find', [path, '-printf', '%P %y %U %m %s %l %T@\n'], { encoding: 'utf8' })
}

const codeIn = ({ err }: Output): string => /\b(?!TANDEM_)[A-Z]+_[A-Z_]+\b/.exec(err)?.[0] ?? `no code in: ${err}`

/** The command that an error proposes: what comes after the last `: ` of its hint and is a command. */
function cureIn({ err }: Output): string {
  const found = /\b(?:mv|rm|chmod|sudo rm)\b [^\n;,)]*/.exec(err)?.[0]
  if (found === undefined) throw new Error(`no command in: ${err}`)
  return found.replace(/^sudo /, '').replace(/ \(.*$/, '')
}

/** `tandem up` fails with this code and a cure and changes nothing; after the cure it works. Answers what it said. */
async function refusedUntilCured(
  world: TandemWorld,
  code: string,
  cure?: (output: Output) => unknown,
): Promise<string> {
  const before = pictureOf(world.places.runtimeDir)
  const refused = await world.tandem(['up'])
  expect([refused.code === 0, codeIn(refused)]).toEqual([false, code])
  expect(pictureOf(world.places.runtimeDir)).toBe(before)
  await expect.poll(() => processesOf(world.folder), patiently).toEqual([])
  const command = cure === undefined ? cureIn(refused) : ''
  if (cure === undefined) execFileSync('sh', ['-c', command])
  else await cure(refused)
  expect(await world.tandem(['up'])).toMatchObject({ code: 0 })
  expect(await openUser(world).answer('hello')).toMatchObject({ agent_messages: 'you said hello' })
  const ran = command === '' ? '' : `; the cure "${command.split(' ')[0]} …" worked`
  return `${codeIn(refused)}, exit ${refused.code}${ran}`
}

const expected = 'a coded error with its cure; nothing of it is removed; after the cure it starts'

describe("at the socket's address", () => {
  fault(
    {
      fault: 'a stale socket',
      injected: 'kill -9 of supervisor and daemon, which leaves the socket and the lock file',
      expected: 'the next command starts a daemon in their place',
    },
    async () => {
      await using world = await openTandemWorld(echo)
      await world.tandem(['up'])
      endProcessesOf(world.folder)
      await expect.poll(() => processesOf(world.folder), patiently).toEqual([])
      // A new file often gets the number of the one that went before.
      const madeAt = (): bigint => lstatSync(world.places.socketPath, { bigint: true }).birthtimeNs
      const before = madeAt()
      expect(await openUser(world).answer('hello')).toMatchObject({ agent_messages: 'you said hello' })
      expect(madeAt()).toBeGreaterThan(before)
      return 'started by the next prompt, which was answered'
    },
  )

  const occupations: readonly (readonly [string, string, (path: string) => void])[] = [
    ['a file', 'a file with text', path => writeFileSync(path, 'mine')],
    ['a link', 'a symbolic link to nowhere', path => symlinkSync('/nowhere', path)],
    ['a directory', 'a directory with a file in it', path => mkdirSync(join(path, 'x'), { recursive: true })],
  ]
  for (const [name, injected, occupy] of occupations)
    fault({ fault: name, injected: `${injected} at the socket's path`, expected }, async () => {
      await using world = await openTandemWorld(echo)
      occupy(world.places.socketPath)
      return await refusedUntilCured(world, 'DAEMON_UNSAFE_SOCKET')
    })

  fault(
    {
      fault: 'another program that listens',
      injected: 'a server of the same user that takes connections at the path and hangs up',
      expected,
    },
    async () => {
      await using world = await openTandemWorld(echo)
      const other = createServer(socket => socket.on('error', () => undefined).destroy())
      other.listen(world.places.socketPath)
      await once(other, 'listening')
      chmodSync(world.places.socketPath, 0o600)
      return await refusedUntilCured(world, 'SOCKET_FOREIGN', async ({ err }) => {
        expect(err).toContain('fuser')
        await new Promise<void>(resolve => void other.close(() => resolve()))
      })
    },
  )
})

describe('a directory of ours', () => {
  const directories = [
    ['the runtime directory', 'DAEMON_UNSAFE_SOCKET', (world: TandemWorld) => world.places.runtimeDir],
    ['the state directory', 'DIRECTORY_UNSAFE', (world: TandemWorld) => world.places.stateDir],
  ] as const
  for (const [name, code, pathOf] of directories) {
    fault({ fault: `${name} is open to others`, injected: 'chmod 0755', expected }, async () => {
      await using world = await openTandemWorld(echo)
      chmodSync(pathOf(world), 0o755)
      return await refusedUntilCured(world, code)
    })

    fault(
      { fault: `${name} is another user's`, injected: 'chown to nobody', expected, needs: [needsRoot] },
      async () => {
        await using world = await openTandemWorld(echo)
        chownSync(pathOf(world), 65_534, 65_534)
        return await refusedUntilCured(world, code, ({ err }) => {
          expect(err).toMatch(/belongs to user 65534, not to 0/)
          chownSync(pathOf(world), 0, 0)
        })
      },
    )

    fault({ fault: `${name} is a link`, injected: 'a link to a good directory in its place', expected }, async () => {
      await using world = await openTandemWorld(echo)
      const path = pathOf(world)
      renameSync(path, `${path}.real`)
      symlinkSync(`${path}.real`, path)
      const seen = await refusedUntilCured(world, code)
      expect(readdirSync(`${path}.real`)).toEqual([])
      return seen
    })
  }
})
