import type { TextFiles } from './edits.ts'

/** The service as the story finds it: neighbours lend each other tools. Node alone runs it. */
export const serviceBefore: TextFiles = {
  'package.json': `{
  "name": "toolshed",
  "version": "1.0.0",
  "private": true,
  "type": "module",
  "scripts": { "test": "node --test" }
}
`,
  'README.md': `# Toolshed

A small web service with which neighbours lend each other tools. \`node --test\` runs the tests.
`,
  'src/app.js': `import { createServer } from 'node:http'
import { createMembers } from './members.js'

const tools = [
  { id: 1, name: 'ladder' },
  { id: 2, name: 'drill' },
]

export function createApp(members = createMembers()) {
  return createServer(async (request, response) => {
    const answer = await route(request, members)
    response.writeHead(answer.status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer.body))
  })
}

async function route(request, members) {
  if (request.method === 'GET' && request.url === '/tools') return { status: 200, body: tools }
  if (request.method === 'GET' && request.url === '/members') return { status: 200, body: members.count() }
  return { status: 404, body: { error: 'there is nothing here' } }
}
`,
  'src/members.js': `/** The members by their email. */
export function createMembers() {
  const byEmail = new Map()
  return {
    count: () => byEmail.size,
    find: email => byEmail.get(email),
    add(email) {
      const member = { id: byEmail.size + 1, email, createdAt: Date.now() }
      byEmail.set(email, member)
      return member
    },
  }
}
`,
  'test/app.test.js': `import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { createApp } from '../src/app.js'

test('lists the tools', async () => {
  const app = createApp().listen(0, '127.0.0.1')
  await once(app, 'listening')
  const response = await fetch('http://127.0.0.1:' + app.address().port + '/tools')
  assert.equal((await response.json()).length, 2)
  app.close()
})
`,
}
