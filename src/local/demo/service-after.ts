import type { Edit, TextFiles } from './edits.ts'

/** Files that Claude writes anew in the implementation. The faults that the review finds are in them on purpose. */
export const newFiles: TextFiles = {
  'src/passwords.js': `import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(scrypt)

/** A salt of its own and the hash, both in hex, with a colon between them. */
export async function hashPassword(password) {
  const salt = randomBytes(16)
  const hash = await derive(password, salt, 32)
  return salt.toString('hex') + ':' + hash.toString('hex')
}

export async function isPassword(password, stored) {
  const [salt, hash] = stored.split(':').map(part => Buffer.from(part, 'hex'))
  return timingSafeEqual(hash, await derive(password, salt, 32))
}
`,
  'src/tokens.js': `import { createHmac, timingSafeEqual } from 'node:crypto'

const lifetimeMs = 15 * 60 * 1000

export function issueToken(email, now = Date.now()) {
  const payload = Buffer.from(JSON.stringify({ email, expires: now + lifetimeMs })).toString('base64url')
  return payload + '.' + sign(payload)
}

/** The email that a token stands for; null when it is not ours or too old. */
export function readToken(token, now = Date.now()) {
  const [payload, signature] = token.split('.')
  if (!timingSafeEqual(Buffer.from(signature), Buffer.from(sign(payload)))) return null
  const { email, expires } = JSON.parse(Buffer.from(payload, 'base64url'))
  return now < expires ? email : null
}

function sign(payload) {
  return createHmac('sha256', 'toolshed').update(payload).digest('base64url')
}
`,
  'src/accounts.js': `import { createHash, randomBytes } from 'node:crypto'
import { hashPassword, isPassword } from './passwords.js'
import { issueToken, readToken } from './tokens.js'

const resetLifetimeMs = 30 * 60 * 1000
const fingerprint = text => createHash('sha256').update(text).digest('hex')

/** \`deliver(email, token)\` brings the token of a reset to its owner. */
export function createAccounts(members, deliver) {
  const resets = new Map()
  return {
    async register({ email, password }) {
      if (members.find(email)) return { status: 409, body: { error: 'this email is taken' } }
      members.add(email, await hashPassword(password))
      return { status: 201, body: { email } }
    },
    async login({ email, password }) {
      const member = members.find(email)
      const isRight = member !== undefined && (await isPassword(password, member.passwordHash))
      if (!isRight) return { status: 401, body: { error: 'email or password is wrong' } }
      return { status: 200, body: { token: issueToken(email) } }
    },
    /** The member whose token is in an authorization header, or undefined. */
    memberOf(header = '') {
      const email = readToken(header.replace(/^Bearer /, ''))
      return email === null ? undefined : members.find(email)
    },
    /** The same answer whether the member exists or not, so that nobody can ask who is a member. */
    async askReset({ email }) {
      if (members.find(email)) {
        const token = randomBytes(32).toString('hex')
        resets.set(fingerprint(token), { email, expires: Date.now() + resetLifetimeMs })
        await deliver(email, token)
      }
      return { status: 202, body: {} }
    },
    async reset({ token, password }) {
      const reset = resets.get(fingerprint(String(token)))
      resets.delete(fingerprint(String(token)))
      if (!reset || Date.now() > reset.expires) return { status: 400, body: { error: 'this token is not valid' } }
      members.find(reset.email).passwordHash = await hashPassword(password)
      return { status: 200, body: {} }
    },
  }
}
`,
  'test/accounts.test.js': `import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { createApp } from '../src/app.js'
import { createMembers } from '../src/members.js'

const sent = []
const app = createApp(createMembers(), async (email, token) => void sent.push({ email, token }))
before(() => once(app.listen(0, '127.0.0.1'), 'listening'))
after(() => app.close())

const call = (method, path, body, headers = {}) =>
  fetch('http://127.0.0.1:' + app.address().port + path, { method, headers, body: body && JSON.stringify(body) })
const ada = { email: 'ada@example.org', password: 'Correct-horse-7' }
const login = async person => (await (await call('POST', '/login', person)).json()).token

test('a member registers once, logs in and is known by the token', async () => {
  assert.equal((await call('POST', '/register', ada)).status, 201)
  assert.equal((await call('POST', '/register', ada)).status, 409)
  const me = await call('GET', '/me', undefined, { authorization: 'Bearer ' + (await login(ada)) })
  assert.deepEqual([me.status, (await me.json()).email], [200, ada.email])
})

test('a wrong password is refused', async () => {
  assert.equal((await call('POST', '/login', { ...ada, password: 'wrong' })).status, 401)
})

test('a reset works once, and the old password is gone', async () => {
  assert.equal((await call('POST', '/reset', { email: ada.email })).status, 202)
  const renewed = { token: sent[0].token, password: 'Battery-staple-8' }
  assert.equal((await call('POST', '/reset/confirm', renewed)).status, 200)
  assert.equal((await call('POST', '/reset/confirm', renewed)).status, 400)
  assert.equal((await call('POST', '/login', ada)).status, 401)
  assert.ok(await login({ ...ada, password: renewed.password }))
})
`,
}

/** What Claude changes in files that were there before. */
export const implementationEdits: readonly Edit[] = [
  {
    path: 'src/members.js',
    before: `    add(email) {
      const member = { id: byEmail.size + 1, email, createdAt: Date.now() }`,
    after: `    add(email, passwordHash) {
      const member = { id: byEmail.size + 1, email, passwordHash, createdAt: Date.now() }`,
  },
  {
    path: 'src/app.js',
    before: `import { createMembers } from './members.js'`,
    after: `import { json } from 'node:stream/consumers'
import { createAccounts } from './accounts.js'
import { createMembers } from './members.js'`,
  },
  {
    path: 'src/app.js',
    before: `export function createApp(members = createMembers()) {
  return`,
    after: `export function createApp(members = createMembers(), deliver = async () => {}) {
  const accounts = createAccounts(members, deliver)
  return`,
  },
  { path: 'src/app.js', before: `await route(request, members)`, after: `await route(request, members, accounts)` },
  {
    path: 'src/app.js',
    before: `async function route(request, members) {`,
    after: `async function route(request, members, accounts) {
  const post = request.method === 'POST' ? posts[request.url] : undefined
  if (post) return accounts[post](await json(request))
  if (request.method === 'GET' && request.url === '/me') {
    const member = accounts.memberOf(request.headers.authorization)
    if (!member) return { status: 401, body: { error: 'log in first' } }
    return { status: 200, body: { id: member.id, email: member.email } }
  }`,
  },
  {
    path: 'src/app.js',
    before: `export function createApp`,
    after: `const posts = { '/register': 'register', '/login': 'login', '/reset': 'askReset', '/reset/confirm': 'reset' }

export function createApp`,
  },
]

/** What Claude changes after the review: one edit or more for each finding, and a test for each. */
export const adjustmentEdits: readonly Edit[] = [
  {
    path: 'src/tokens.js',
    before: `function sign(payload) {
  return createHmac('sha256', 'toolshed')`,
    after: `function sign(payload) {
  const secret = process.env.TOKEN_SECRET
  if (!secret) throw new Error('set TOKEN_SECRET to a long random text')
  return createHmac('sha256', secret)`,
  },
  {
    path: 'src/tokens.js',
    before: `  const [payload, signature] = token.split('.')
  if (!timingSafeEqual(Buffer.from(signature), Buffer.from(sign(payload)))) return null`,
    after: `  const [payload, signature = ''] = token.split('.')
  const [given, right] = [Buffer.from(signature), Buffer.from(sign(payload))]
  if (given.length !== right.length || !timingSafeEqual(given, right)) return null`,
  },
  {
    path: 'src/passwords.js',
    before: `/** A salt`,
    after: `/** Ten characters or more, of at least three kinds. */
export function isStrong(password) {
  const kinds = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^a-zA-Z0-9]/].filter(kind => kind.test(password))
  return typeof password === 'string' && password.length >= 10 && kinds.length >= 3
}

/** A salt`,
  },
  {
    path: 'src/accounts.js',
    before: `import { hashPassword, isPassword } from`,
    after: `import { hashPassword, isPassword, isStrong } from`,
  },
  {
    path: 'src/accounts.js',
    before: `      if (members.find(email)) return { status: 409`,
    after: `      if (!isStrong(password)) return { status: 400, body: { error: weak } }
      if (members.find(email)) return { status: 409`,
  },
  {
    path: 'src/accounts.js',
    before: `      const reset = resets.get`,
    after: `      if (!isStrong(password)) return { status: 400, body: { error: weak } }
      const reset = resets.get`,
  },
  {
    path: 'src/accounts.js',
    before: `const fingerprint =`,
    after: `const weak = 'a password has ten characters or more, of at least three kinds'
const fingerprint =`,
  },
  {
    path: 'test/accounts.test.js',
    before: `const sent = []`,
    after: `process.env.TOKEN_SECRET = 'only for the tests'
const sent = []`,
  },
  {
    path: 'test/accounts.test.js',
    before: `test('a wrong password is refused'`,
    after: `test('a weak password is refused', async () => {
  assert.equal((await call('POST', '/register', { email: 'bob@example.org', password: 'short' })).status, 400)
})

test('a token that was made up is refused, whatever its shape', async () => {
  for (const token of ['', 'x', 'a.b', 'a.b.c']) {
    assert.equal((await call('GET', '/me', undefined, { authorization: 'Bearer ' + token })).status, 401)
  }
})

test('no token is issued without a secret', async () => {
  const { issueToken } = await import('../src/tokens.js')
  delete process.env.TOKEN_SECRET
  assert.throws(() => issueToken(ada.email), /TOKEN_SECRET/)
  process.env.TOKEN_SECRET = 'only for the tests'
})

test('a wrong password is refused'`,
  },
]
