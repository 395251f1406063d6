import { describe, expect, test } from 'vitest'
import { memberText, withMember, withoutMember } from './json-member.ts'

const path = ['mcpServers', 'tandem']
const value = '{"command":"tandem"}'

const texts = [
  '{}',
  '{}\n',
  '  {\n}\n',
  '{"a":1}',
  '{\n  "a": 1\n}\n',
  '{\r\n\t"a": 1,\r\n\t"mcpServers": {\r\n\t\t"x": {}\r\n\t}\r\n}',
  '{"mcpServers":{}}',
  '{"mcpServers":{"x":{"command":"y"}}, "z": [1, {"mcpServers": {"tandem": 1}}]}',
  '{\n    "quote \\" and } and \\\\": "{[\\"",\n    "mcpServers": {\n        "x": "}"\n    },\n    "deep": {"a": [[{}]], "n": -1.5e3, "t": true}\n}',
  '{"mcpServers": {"other": 1}, "mcpServers": {"last": 2}}',
]

describe('a member', () => {
  test.each(texts)('is set in %j, and nothing else changes', text => {
    const after = withMember(text, path, value) ?? ''
    const before = JSON.parse(text) as { mcpServers?: object }
    expect(JSON.parse(after)).toEqual({
      ...before,
      mcpServers: { ...before.mcpServers, tandem: { command: 'tandem' } },
    })
    expect(JSON.parse(memberText(after, path) ?? '')).toEqual({ command: 'tandem' })
  })

  test.each(texts)('set in %j and removed leaves what was there', text => {
    const after = withoutMember(withMember(text, path, value) ?? '', path)
    const { mcpServers = {}, ...rest } = JSON.parse(after) as { mcpServers?: object }
    const { mcpServers: servers = {}, ...others } = JSON.parse(text) as { mcpServers?: object }
    expect([mcpServers, rest]).toEqual([servers, others])
  })

  test('that is there gets another value, in its place', () => {
    const text = '{"mcpServers": { "tandem" : [1, 2] , "x": 1}}'
    expect(withMember(text, path, value)).toBe('{"mcpServers": { "tandem" : {"command":"tandem"} , "x": 1}}')
  })

  test('follows the indentation of the file', () => {
    expect(withMember('{\n    "a": 1\n}\n', path, value)).toBe(
      '{\n    "a": 1,\n    "mcpServers": {\n        "tandem": {\n            "command": "tandem"\n        }\n    }\n}\n',
    )
  })

  test('has no place below what is no object', () => {
    expect(withMember('{"mcpServers": [1]}', path, value)).toBeUndefined()
    expect(memberText('{"mcpServers": "x"}', path)).toBeUndefined()
  })

  test.each([
    ['{"mcpServers": {"tandem": 1, "x": 2}}', '{"mcpServers": {"x": 2}}'],
    ['{"mcpServers": {"x": 2, "tandem": 1}}', '{"mcpServers": {"x": 2}}'],
    ['{"mcpServers": {"tandem": 1}}', '{"mcpServers": {}}'],
    ['{"a": 1}', '{"a": 1}'],
  ])('is removed from %s with its comma', (text, left) => {
    expect(withoutMember(text, path)).toBe(left)
  })
})
