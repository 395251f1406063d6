import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { verbs } from '#contracts'
import { checkImage, checkOutputSchema, hashInput, parseOutput, resolveDirectory, sandboxOf } from './turn-request.ts'

function openFolder(): Disposable & { readonly path: string } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'tandem-request-')))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
const ask = (input: object = {}) => verbs.ask.input.parse({ prompt: 'hello', cd: '/tmp', ...input })
const coded = (code: string, message: string | RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('a directory', () => {
  it('is answered as its real path', async () => {
    using folder = openFolder()
    symlinkSync(folder.path, join(folder.path, 'link'))
    expect(await resolveDirectory(join(folder.path, 'link', '..', 'link'))).toBe(folder.path)
  })

  it.each([
    ['relative/path', 'is not an absolute path'],
    ['', 'is not an absolute path'],
    ['/no/such/place', 'does not exist'],
    ['FOLDER/file', 'is not a directory'],
    ['FOLDER/file/below', 'leads through a file'],
    ['FOLDER/loop', 'ELOOP'],
    [`/${'x'.repeat(3000)}`, 'ENAMETOOLONG'],
    ['/tmp/\0', 'ERR_INVALID_ARG_VALUE'],
  ])('is refused: %s', async (path, why) => {
    using folder = openFolder()
    writeFileSync(join(folder.path, 'file'), '')
    symlinkSync(join(folder.path, 'loop'), join(folder.path, 'loop'))
    await expect(resolveDirectory(path.replace('FOLDER', folder.path))).rejects.toEqual(coded('CD_INVALID', why))
  })
})

describe('an image', () => {
  it.each([
    ['a PNG', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
    ['a JPEG', [0xff, 0xd8, 0xff, 0xe0]],
    ['a GIF', [...Buffer.from('GIF89a')]],
    ['a WebP', [...Buffer.from('RIFF....WEBP')]],
  ])('may be %s', async (_, bytes) => {
    using folder = openFolder()
    writeFileSync(join(folder.path, 'image'), Buffer.from(bytes))
    await expect(checkImage(join(folder.path, 'image'))).resolves.toBeUndefined()
  })

  it.each([
    ['image.png', 'is not an absolute path'],
    ['FOLDER/gone.png', 'does not exist'],
    ['FOLDER/text.png/x', 'does not exist'],
    ['FOLDER/folder', 'is not a file'],
    ['FOLDER/text.png', 'is not a PNG, JPEG, GIF or WebP'],
    ['FOLDER/empty.png', 'is not a PNG, JPEG, GIF or WebP'],
    ['FOLDER/huge.png', 'has 20971521 bytes'],
    ['FOLDER/loop.png', 'cannot be read \\(ELOOP\\)'],
    ['FOLDER/pipe.png', 'is not a file'],
  ])('is refused, and waits for nobody: %s', async (path, why) => {
    using folder = openFolder()
    const at = (name: string): string => join(folder.path, name)
    mkdirSync(at('folder'))
    for (const [name, text] of [
      ['text.png', 'hello, I am a text'],
      ['empty.png', ''],
      ['huge.png', ''],
    ] as const)
      writeFileSync(at(name), text)
    truncateSync(at('huge.png'), 20 * 1024 * 1024 + 1)
    symlinkSync(at('loop.png'), at('loop.png'))
    execFileSync('sh', ['-c', 'mkfifo "$0"', at('pipe.png')])
    await expect(checkImage(path.replace('FOLDER', folder.path))).rejects.toEqual(coded('IMAGE_INVALID', why))
  })
})

describe('a sandbox', () => {
  it('is the one that was asked for; yolo is none at all', () => {
    expect(sandboxOf(ask())).toBe('read-only')
    expect(sandboxOf(ask({ sandbox: 'workspace-write' }))).toBe('workspace-write')
    expect(sandboxOf(ask({ sandbox: 'read-only', yolo: true }))).toBe('danger-full-access')
  })
})

describe('an output schema', () => {
  it.each([
    [{}, 'type'],
    [{ type: 'string' }, 'type'],
    [{ type: 'object', properties: 5 }, 'properties'],
    [{ type: 'object', required: 'name' }, 'required'],
    [{ type: 'object', properties: { a: { type: 'bogus' } } }, 'bogus'],
    [{ type: 'object', properties: { a: { type: 'string', pattern: '[' } } }, 'regular expression'],
    [{ type: 'object', properties: { a: { $ref: '#/nowhere' } } }, 'nowhere'],
    [{ type: 'object', properties: { a: 5 } }, ''],
  ])('is refused when nothing could follow it: %j', (schema, why) => {
    expect(() => checkOutputSchema(schema)).toThrow(coded('OUTPUT_SCHEMA_INVALID', why))
  })

  const schema = {
    type: 'object',
    properties: { name: { type: 'string' }, size: { type: 'integer' } },
    required: ['name'],
    additionalProperties: false,
  }

  it('lets pass what follows it', () => {
    checkOutputSchema(schema)
    expect(parseOutput(schema, '{"name": "x", "size": 3}')).toEqual({ name: 'x', size: 3 })
  })

  it.each([
    ['{"size": 3}', 'name'],
    ['{"name": "x", "size": 1.5}', 'size'],
    ['{"name": "x", "more": 1}', 'more'],
    ['no JSON', 'JSON'],
    ['', 'JSON'],
  ])('names what is wrong with %s', (text, why) => {
    expect(() => parseOutput(schema, text)).toThrow(coded('OUTPUT_MISMATCH', why))
  })
})

describe('whether two calls ask the same', () => {
  it('depends on what is asked, in whatever order it is written, and not on how long to wait or what to show', () => {
    const hash = hashInput(ask({ output_schema: { type: 'object', a: { b: 1, c: 2 } } }))
    expect(
      hashInput(
        ask({
          output_schema: { a: { c: 2, b: 1 }, type: 'object' },
          wait_ms: 5,
          return_all_messages: true,
          idempotency_key: 'k',
        }),
      ),
    ).toBe(hash)
    for (const other of [
      { prompt: 'bye' },
      { cd: '/' },
      { sandbox: 'workspace-write' },
      { image: ['/x'] },
      { output_schema: { type: 'object', a: { b: 1, c: 3 } } },
    ])
      expect(hashInput(ask({ output_schema: { type: 'object', a: { b: 1, c: 2 } }, ...other }))).not.toBe(hash)
  })
})
