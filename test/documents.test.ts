import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { codexEnvironment, providerEnvKeys } from '#codex'
import { codexUserConfigSchema, isOfConfiguration } from '#contracts'
import { completeLockfile } from '../scripts/complete-lockfile.ts'
import { optionsOfCommand } from '../scripts/doors.ts'
import { generatedPages } from '../scripts/write-docs.ts'
import { projectRoot, readSource } from './support/source.ts'

/* What the documents say is compared with what is there, so that neither moves alone. */

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8')
const manifest = JSON.parse(read('package.json')) as {
  readonly scripts: Readonly<Record<string, string>>
  readonly bin: Readonly<Record<string, string>>
  readonly dependencies?: object
  readonly devDependencies: Readonly<Record<string, string>>
}

/** The rows of every table of a page, without their heads. */
function rowsOf(page: string): readonly (readonly string[])[] {
  return page
    .split('\n')
    .filter(
      (line, at, lines) => line.startsWith('| ') && !line.startsWith('| ---') && !lines[at + 1]?.startsWith('| ---'),
    )
    .map(line =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map(cell => cell.trim()),
    )
}

describe('docs/errors.md', () => {
  const rows = rowsOf(read('docs/errors.md')).filter(([code = '']) => /^`[A-Z]/.test(code))
  const listed = rows.map(([code = '']) => code.replaceAll('`', ''))
  // Where an error is made, an upper-case name is its code.
  const makers = readSource().filter(file => !file.isTest && /new AppError\(|\bcode: '/.test(file.text))
  const inSource = new Set(
    makers.flatMap(
      file => file.text.match(/(?<=')[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?=')|(?<=')(?:BUG|CANCELLED)(?=')/g) ?? [],
    ),
  )

  it('lists every code of the source', () => {
    expect([...inSource].filter(code => !listed.includes(code))).toEqual([])
  })

  it('lists no code that does not exist, and none twice', () => {
    expect(listed.filter(code => !inSource.has(code))).toEqual([])
    expect(listed.filter((code, at) => listed.indexOf(code) !== at)).toEqual([])
  })

  it('names exactly the codes that end a command as a matter of the configuration', () => {
    const paragraph = /^Codes that say that the configuration[^]*?\n\n/m.exec(read('docs/errors.md'))?.[0] ?? ''
    const named = [...paragraph.matchAll(/`([A-Z_]+)`/g)].map(([, code = '']) => code)
    expect(named.toSorted()).toEqual(listed.filter(isOfConfiguration).toSorted())
  })

  it('has a cause and a cure for each', () => {
    const poor = rows.filter(([, cause = '', cure = '']) => cause.length < 12 || cure.length < 12)
    expect(poor.map(([code]) => code)).toEqual([])
  })
})

const pages = [...(await generatedPages())]

describe('generated pages', () => {
  it.each(pages)('%s is what `npm run docs` writes', (path, text) => {
    expect(read(path)).toBe(text)
  })
})

describe('docs/commands', () => {
  it('has a page for every command and no other', () => {
    const written = pages.map(([path]) => path).filter(path => path.startsWith('docs/commands/'))
    expect(
      readdirSync(join(projectRoot, 'docs/commands'))
        .map(name => `docs/commands/${name}`)
        .sort(),
    ).toEqual([...written].sort())
  })

  it.each(pages.filter(([path]) => /^docs\/(?:commands\/|exit-codes)/.test(path)))(
    '%s links only to files that exist',
    (path, text) => {
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(match => match[1] ?? '')
      expect(links.filter(link => !existsSync(join(projectRoot, path, '..', link)))).toEqual([])
    },
  )
})

describe('docs/verbs.md', () => {
  it('has what the doors have beyond the descriptions', () => {
    const page = read('docs/verbs.md')
    expect(page).toMatch(/^Command: `tandem ask [^]*?`-d, --detach` \(print the id/m)
    expect(page).toMatch(/Every command also takes `--json`\s\(answer in JSON/)
    for (const [, command = ''] of page.matchAll(/^Command: `tandem ([a-z-]+(?: [a-z]+)?)/gm))
      expect(optionsOfCommand(command).map(({ name }) => name)).toContain('--json')
    for (const prompt of ['analyze', 'discuss', 'prototype', 'implement', 'review', 'adjust', 'final_review'])
      expect(page).toMatch(new RegExp(`^\\| \`${prompt}\` \\| .{12}`, 'm'))
  })
})

describe('docs/providers.md', () => {
  const page = read('docs/providers.md')

  it('lists just what Codex gets of the environment', () => {
    const list = /## What Codex gets[^]*?(?=\nCommands that)/.exec(page)?.[0] ?? ''
    const named = [...list.matchAll(/`([A-Z]\w+[A-Z])`/g)].map(([, name = '']) => name)
    const proxies = named.filter(name => name.endsWith('_PROXY')).map(name => name.toLowerCase())
    const given = Object.fromEntries([...named, ...proxies, 'LC_ALL', 'XDG_DATA_HOME'].map(name => [name, 'x']))
    expect(named.length).toBeGreaterThan(20)
    expect(codexEnvironment({ ...given, ANTHROPIC_API_KEY: 'x', MY_PROVIDER_KEY: 'x' })).toEqual(given)
  })

  it('has a provider whose key Codex is given', () => {
    const block = /```toml\n([^]*?)```/.exec(page)?.[1] ?? ''
    expect(providerEnvKeys(codexUserConfigSchema.parse(parse(block)))).toEqual(['MY_PROVIDER_KEY', 'MY_TEAM'])
  })
})

describe('docs/dependencies.md', () => {
  const listed = rowsOf(read('docs/dependencies.md')).map(([name = '']) => name.replaceAll('`', ''))

  it('lists every package of package.json and no other, with the licence its manifest names', () => {
    expect([...listed].sort()).toEqual(Object.keys(manifest.devDependencies).sort())
    const licences = rowsOf(read('docs/dependencies.md')).map(([name = '', , licence]) => [
      name.replaceAll('`', ''),
      licence,
    ])
    const real = listed.map(name => [
      name,
      (JSON.parse(read(`node_modules/${name}/package.json`)) as { license: string }).license,
    ])
    expect(licences.filter(([name]) => name !== '@anthropic-ai/claude-code')).toEqual(
      real.filter(([name]) => name !== '@anthropic-ai/claude-code'),
    )
  })

  it('is right that the package has no dependencies and that versions are exact', () => {
    expect(manifest.dependencies).toBeUndefined()
    expect(Object.values(manifest.devDependencies).filter(version => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
  })

  it('has a lockfile that is complete for every platform', () => {
    expect(completeLockfile(read('package-lock.json')).added).toEqual([])
  })
})

describe('README.md', () => {
  const readme = read('README.md')

  it('has exactly two commands to try it', () => {
    const block = /## Try it\n[^]*?```sh\n([^]*?)```/.exec(readme)?.[1] ?? ''
    expect(block.trim().split('\n')).toEqual(['npm ci && npm run demo', 'npm ci && npm test'])
  })

  it('installs what a fresh clone has, too: what is packed is built with what `npm ci` brings', () => {
    const block = /## Use it with your own[^]*?```sh\n([^]*?)```/.exec(readme)?.[1] ?? ''
    expect(block.split('\n')[0]).toBe('npm ci && npm pack && npm install --global ./tandem-agents-*.tgz')
  })

  it('and CONTRIBUTING.md name only npm scripts that exist', () => {
    const named = [...`${readme}${read('CONTRIBUTING.md')}`.matchAll(/npm (?:run (?:-s )?([\w:-]+)|(test)\b)/g)]
    const scripts = named.map(([, script, test]) => script ?? test ?? '')
    expect(scripts.filter(script => !(script in manifest.scripts))).toEqual([])
  })

  it('names every slash command that Claude Code is given', () => {
    for (const name of ['codex-ask', 'codex-config', 'codex-status', 'codex-reasoning', 'codex-final_only'])
      expect(readme).toContain(`/${name}`)
  })

  it.each([
    'README.md',
    'SECURITY.md',
    'CONTRIBUTING.md',
    'docs/faq.md',
    'docs/providers.md',
    'docs/scope.md',
    'docs/errors.md',
  ])('%s links only to files that exist', path => {
    const links = [...read(path).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(match => match[1] ?? '')
    expect(links.filter(link => !existsSync(join(projectRoot, path, '..', link)))).toEqual([])
  })
})

describe('ARCHITECTURE.md', () => {
  it('has a row for every room that exists and for no other', () => {
    const rooms = rowsOf(read('ARCHITECTURE.md')).flatMap(([names = '']) =>
      [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    )
    expect(new Set(rooms)).toEqual(new Set(readSource().map(file => file.room)))
  })
})

describe('docs/scope.md', () => {
  const scope = read('docs/scope.md')

  it.each(namesOfTheFounders())('says what became of %s', name => {
    expect(scope).toContain(name)
  })

  it('places every function in something that exists, or in an area of the plan', () => {
    const areas = ['operations', 'gateway', 'subagents', 'workflows']
    const lost = rowsOf(scope).flatMap(([name, , where = '']) => {
      const paths = [...where.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path)
      const missing = paths.filter(path => !existsSync(join(projectRoot, path)))
      const planned = /planned: (\w+)/.exec(where)?.[1]
      const isPlaced = paths.length > 0 || planned !== undefined
      const isArea = planned === undefined || areas.includes(planned)
      return missing.length === 0 && isPlaced && isArea ? [] : [`${name ?? ''}: ${where}`]
    })
    expect(lost).toEqual([])
  })
})

describe('what is shipped', () => {
  const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: projectRoot, encoding: 'utf8' })
    .split('\0')
    .filter(Boolean)

  it('names no path of the machine it was made on', () => {
    const isThere = (path: string): boolean => existsSync(join(projectRoot, path))
    expect(tracked.filter(path => isThere(path) && hasTraces(read(path), projectRoot))).toEqual([])
  })

  it.each([
    ['see xROOT/main.ts', false],
    ['../ROOT is not ours, nor is ~ROOT/x or name.dROOT/x', false],
    ['see `ROOT/src/main.ts`', true],
    ["'ROOT/dist'", true],
    ['file://ROOT/dist', true],
    ['/homes/ROOT', false],
    ['HOMES/somebody/x', true],
  ])('where a trace is looked for, "%s" is one: %s', (text, isTrace) => {
    const seenIn = (root: string): boolean =>
      hasTraces(text.replaceAll('ROOT', root).replaceAll('HOMES', '/home'), root)
    expect([seenIn(['', 'src', 'app'].join('/')), seenIn('/app')]).toEqual([isTrace, text.startsWith('HOMES')])
  })

  it('has every command of package.json as a program', () => {
    expect(Object.entries(manifest.bin).map(([name, path]) => [name, read(path).split('\n')[0]])).toEqual([
      ['claude-codex', '#!/bin/sh'],
      ['tandem', '#!/bin/sh'],
    ])
  })
})

/** A root may be the end of other paths, too: before it no path may have begun. One of a single segment, such as `/app`, tells nothing. */
function hasTraces(text: string, root: string): boolean {
  const isTelling = root.lastIndexOf('/') > 0
  const ofRoot = new RegExp(`(?<![\\w.@~-])${RegExp.escape(root)}/`)
  return (isTelling && ofRoot.test(text)) || /\/(?:home|Users)\/(?!user\b|you\b)\w+\//.test(text)
}

/** Names that the founding documents give to functions; a reader of those looks for these words. */
function namesOfTheFounders(): readonly string[] {
  return `
    SESSION_ID, agent_messages, return_all_messages, sandbox, unified diff, edge cases, final review, Claude Code writes, skill
    claude-codex, /codex-ask, /codex-config, /codex-status, /codex-reasoning, /codex-final_only, --daemon, --health, --check
    PID file, rotation, backoff, socket lost, 3 clients, systemd, start.sh, backup, heartbeat, going back, foreground
    offline installation, notice template, "command", "success"
    isCodexCliRequest, isClaudeCodeRequest, allowedClients, claude-cli, codex-cli, 2apiCodex, 2api, groupTag, providerType
    needsCodexCliDisguise, conversation_id, Response API, \\r\\n, originator, white list
    spawn_agent, wait, send_input, close_agent, timed_out, interrupt, Open questions, Quality bar, CLARIFICATION_NEEDED
    cli-explore-agent, cli-lite-planning-agent, code-developer, context-search-agent, debug-explore-agent, doc-generator
    action-planning-agent, test-fix-agent, universal-executor, project-tech.json, project-guidelines.json, lite-plan
    plan.json, exploration.json, run_in_background, resume, TaskOutput, checklist, orchestrator, VALIDATE, issue routes`
    .split(/[,\n]/)
    .map(name => name.trim())
    .filter(Boolean)
}
