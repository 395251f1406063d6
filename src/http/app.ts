import { Hono } from 'hono'
import { bytesResponse } from './bytes-response.ts'
import { callVerb } from './call-verb.ts'
import { createDocsFiles, docsPage, docsPolicy } from './docs-page.ts'
import { methodRefused, routeUnknown } from './errors.ts'
import { failed } from './failure.ts'
import { openApiOf } from './openapi.ts'
import { createRoutes } from './routes.ts'
import type { HttpBindings } from '@hono/node-server'
import type { CallVerbDeps } from './call-verb.ts'
import type { Route } from './routes.ts'

export interface AppDeps extends CallVerbDeps {
  readonly version: string
  /** Throws for a request without the token. */
  readonly assertToken: (headers: Headers) => void
  readonly isReady: () => Promise<boolean>
  readonly mcp: (request: Request, cut: () => void) => Promise<Response>
}

type App = Hono<{ Bindings: HttpBindings }>

/**
 * All routes. What is open to everybody comes first, then the check of the token, then the rest: the router that finds a route is the one
 * that decided whether it is open, so no spelling of a path can be one to the check and another to the route.
 */
export function createApp(deps: AppDeps): App {
  const app: App = new Hono({ strict: true })
  const routes = createRoutes()
  addOpenRoutes(app, deps, routes)
  app.use('*', async (c, next) => {
    deps.assertToken(c.req.raw.headers)
    await next()
  })
  for (const route of routes)
    app.on(route.method, patternOf(route.path), c =>
      callVerb(deps, route, {
        raw: c.req.raw,
        params: paramsOf(route, name => c.req.param(name)),
        cut: () => void c.env.outgoing.destroy(),
      }),
    )
  app.on(['GET', 'POST', 'DELETE'], '/mcp', c => {
    if (c.req.raw.method === 'HEAD') throw methodRefused('HEAD', ['GET', 'POST', 'DELETE'])
    return deps.mcp(c.req.raw, () => void c.env.outgoing.destroy())
  })
  app.all('/mcp', c => refuse(c.req.method, ['GET', 'POST', 'DELETE']))
  for (const [path, allowed] of methodsByPath(routes)) app.all(patternOf(path), c => refuse(c.req.method, allowed))
  app.notFound(c => failed(routeUnknown(c.req.path), deps.log))
  app.onError(error => failed(error, deps.log))
  return app
}

function addOpenRoutes(app: App, deps: AppDeps, routes: readonly Route[]): void {
  let description: Buffer | undefined
  const docsFiles = createDocsFiles()
  const readiness = createReadiness(deps)
  const html = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': docsPolicy }
  app.get('/healthz', c => c.text('ok\n'))
  app.get('/readyz', async c => ((await readiness()) ? c.text('ok\n') : c.text('not ok\n', 503)))
  app.get('/openapi.json', () => {
    description ??= Buffer.from(JSON.stringify(openApiOf(routes, deps.version)))
    return bytesResponse(description, { 'content-type': 'application/json' })
  })
  app.get('/docs', c => c.body(docsPage, 200, html))
  app.get('/docs/:file', async c => {
    const name = c.req.param('file')
    const file = Object.hasOwn(docsFiles, name) ? docsFiles[name] : undefined
    if (file === undefined) throw routeUnknown(c.req.path)
    return bytesResponse(await file.read(), { 'content-type': file.type, 'cache-control': 'private, max-age=3600' })
  })
  for (const path of ['/healthz', '/readyz', '/openapi.json', '/docs', '/docs/:file'])
    app.all(path, c => refuse(c.req.method, ['GET', 'HEAD']))
}

/** All who ask at once share one look. */
function createReadiness(deps: AppDeps): () => Promise<boolean> {
  let looking: Promise<boolean> | undefined
  return () =>
    (looking ??= isReady(deps).finally(() => {
      looking = undefined
    }))
}

/** Anybody may ask, so nothing is said of why. */
async function isReady(deps: AppDeps): Promise<boolean> {
  try {
    return await deps.isReady()
  } catch (error) {
    deps.log.warn({ error }, 'whether the daemon is ready could not be found out')
    return false
  }
}

/** A function of its own, as a handler must answer something. */
function refuse(method: string, allowed: readonly string[]): never {
  throw methodRefused(method, allowed)
}

const patternOf = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1')

const paramsOf = (route: Route, find: (name: string) => string | undefined): Record<string, string> =>
  Object.fromEntries(route.pathMembers.map(name => [name, find(name) ?? '']))

function methodsByPath(routes: readonly Route[]): ReadonlyMap<string, readonly string[]> {
  const paths = new Set(routes.map(route => route.path))
  return new Map(
    Array.from(paths, path => [path, routes.filter(route => route.path === path).map(route => route.method)]),
  )
}
