/*
 * Who says what. Everything here was written in advance: the scripted model says Claude's part to the real Claude Code and
 * Codex's part to the real Codex.
 */

/** What the person types. */
export const task = `Our members need accounts in this service:
1. registration with email and password
2. login that returns a token
3. a check of that token where a member must be known
4. a way to reset a forgotten password

Work with Codex: let it analyse the task, settle what is open, get a prototype as a diff, write the code yourself,
let Codex review it, fix what it finds, and let it look once more. Then have it describe the accounts for the docs.`

export const analysis = {
  prompt: `Analyse the following task in this project. Read the code that it touches first; change nothing.

## Requirements
- registration with email and password
- login that returns a token
- a check of that token where a member must be known
- a way to reset a forgotten password

## Project background
- a plain Node HTTP service without any package
- members are kept in src/members.js: id, email, createdAt

Answer with: 1. the goal and its parts 2. the approach you suggest 3. risks 4. the order in which to build it.`,
  command: 'cat package.json src/app.js src/members.js',
  answer: `1. Goal: members prove who they are with a password once, and with a token after that. Four parts: passwords, tokens, the routes, the reset.
2. Approach: scrypt from node:crypto with a salt for each member, so no package is needed. Tokens: payload and an HMAC over it. Routes call one module, accounts, which alone knows members and tokens.
3. Risks: a signing secret in the code; comparing hashes in a way that tells time; telling strangers who is a member; reset tokens that can be used twice.
4. Order: passwords, tokens, registration and login, the check of the token, the reset.`,
} as const

export const discussion = {
  prompt: `I have questions about the approach that you suggested.

1. How should the token of a password reset be made and kept?
2. How long should a login token live?
3. Do we need refresh tokens now?
4. Which field do the members need?

Answer each in turn and say why.`,
  answer: `1. 32 random bytes; keep only their SHA-256, with an end after 30 minutes, and delete it at the first use. Whoever reads the store cannot use what is in it.
2. 15 minutes: it cannot be called back, so it should be old soon.
3. Not now. Members can log in again; a refresh token needs a store of its own. It would change my mind if people stayed logged in for days.
4. One: passwordHash. The reset tokens are not a matter of the member.`,
} as const

export const prototype = {
  prompt: `Write a prototype of the approach that we agreed on.

## Modules
- src/passwords.js: hashing and checking
- src/tokens.js: issuing and reading login tokens
- src/members.js: the new field

Answer with unified diffs only, one per file, each in its own fenced block, such that git apply takes them.
Do not change, create or delete any file.`,
  command: 'cat src/members.js',
  answer: `\`\`\`diff
--- /dev/null
+++ b/src/passwords.js
@@ -0,0 +1,11 @@
+import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
+
+export function hashPassword(password) {
+  const salt = randomBytes(16)
+  return salt.toString('hex') + ':' + scryptSync(password, salt, 32).toString('hex')
+}
+
+export function isPassword(password, stored) {
+  const [salt, hash] = stored.split(':').map(part => Buffer.from(part, 'hex'))
+  return timingSafeEqual(hash, scryptSync(password, salt, 32))
+}
\`\`\`

\`\`\`diff
--- /dev/null
+++ b/src/tokens.js
@@ -0,0 +1,6 @@
+import { createHmac } from 'node:crypto'
+
+export function issueToken(email, secret, expires) {
+  const payload = Buffer.from(JSON.stringify({ email, expires })).toString('base64url')
+  return payload + '.' + createHmac('sha256', secret).update(payload).digest('base64url')
+}
\`\`\`

\`\`\`diff
--- a/src/members.js
+++ b/src/members.js
@@ -4,8 +4,8 @@
   return {
     count: () => byEmail.size,
     find: email => byEmail.get(email),
-    add(email) {
-      const member = { id: byEmail.size + 1, email, createdAt: Date.now() }
+    add(email, passwordHash) {
+      const member = { id: byEmail.size + 1, email, passwordHash, createdAt: Date.now() }
       byEmail.set(email, member)
       return member
     },
\`\`\`
`,
} as const

/** With this a review is data: who asks for it need not read prose. */
export const reviewSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['verdict', 'findings'],
  properties: {
    verdict: { type: 'string', enum: ['ready', 'fix first'] },
    findings: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['file', 'problem'],
        properties: { file: { type: 'string' }, problem: { type: 'string' } },
      },
    },
  },
} as const

export const review = {
  prompt: `Review the following change in this project. Read the files; change nothing.

## Changed files
- src/passwords.js, src/tokens.js, src/accounts.js (new)
- src/app.js, src/members.js (routes, the new field)
- test/accounts.test.js (new)

## What was done
Registration, login, the check of the token and the reset, all with node:crypto alone. The tests pass.

Judge correctness, quality, security, edge cases and tests. Name everything that must be fixed, with its file.`,
  command: 'cat src/tokens.js src/accounts.js test/accounts.test.js',
  answer: {
    verdict: 'fix first',
    findings: [
      { file: 'src/tokens.js', problem: 'the signing secret stands in the code: whoever reads it can sign any token' },
      {
        file: 'src/tokens.js',
        problem: 'a token without a second part, or with a signature of another length, throws, and nobody catches it',
      },
      { file: 'src/accounts.js', problem: 'any password is taken, an empty one too, at registration and at reset' },
    ],
  },
} as const

export const finalReview = {
  prompt: `I have worked on your review. Look at the files again; change nothing.

## Fixed
1. the secret comes from TOKEN_SECRET; without it no token is issued
2. a token of any other shape is refused
3. weak passwords are refused at registration and at reset
Each with a test. All tests pass.

Say for each point whether it is fixed, and whether this is ready.`,
  command: 'git status --short && cat src/tokens.js src/passwords.js',
  answer: { verdict: 'ready', findings: [] },
} as const

const page = {
  start: `# Accounts

POST /register takes an email and a password of ten characters or more, of at least three kinds.
POST /login returns a token that is good for 15 minutes.
`,
  rest: `GET /me tells who a token belongs to; every other token is answered with 401.
POST /reset sends a token to the member, good for 30 minutes; POST /reset/confirm takes it once, with the new password.
Set TOKEN_SECRET to a long random text before the service is started.
`,
} as const

export const documentation = {
  prompt: `Describe the accounts for docs/accounts.md, for somebody who calls this service. One page in Markdown, nothing else.
Read the routes first; change nothing.`,
  command: 'cat src/app.js',
  /** What Codex has said when the daemon is killed. */
  halfAnswer: page.start,
  /** With this it goes on after the crash: first it looks, as the continuation tells it to. */
  commandAfterCrash: 'git status --short && ls src',
  answer: page.start + page.rest,
} as const

export const farewell =
  'Members can register, log in, be recognised by their token and reset their password. Codex reviewed it twice; its three findings are fixed, each with a test.'
