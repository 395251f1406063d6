import { readFile } from 'node:fs/promises'

/** The page that shows the description of the door. Everything on it comes from here; it asks no other server. */
export const docsPage = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Tandem: HTTP</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="page"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`

/** The token is kept by the page for as long as it is open, and nowhere else. */
const startScript = `window.ui = SwaggerUIBundle({
  url: '/openapi.json', dom_id: '#page', deepLinking: true, validatorUrl: null, persistAuthorization: false,
})
`

/** The page shows the text of errors: nothing in it may run, load or send anything but what is ours. */
export const docsPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export interface DocsFile {
  readonly type: string
  readonly read: () => Promise<Uint8Array>
}

/** What the page loads, below `/docs/`. Each is read when it is first asked for, and kept. */
export function createDocsFiles(): Readonly<Record<string, DocsFile>> {
  return {
    'swagger-ui.css': {
      type: 'text/css; charset=utf-8',
      read: kept(() => readFile(new URL('../../node_modules/swagger-ui-dist/swagger-ui.css', import.meta.url))),
    },
    'swagger-ui-bundle.js': {
      type: 'text/javascript; charset=utf-8',
      read: kept(() => readFile(new URL('../../node_modules/swagger-ui-dist/swagger-ui-bundle.js', import.meta.url))),
    },
    'start.js': { type: 'text/javascript; charset=utf-8', read: kept(async () => Buffer.from(startScript)) },
  }
}

/** A failure is not kept: the next who asks has it tried again. */
function kept(read: () => Promise<Uint8Array>): () => Promise<Uint8Array> {
  let reading: Promise<Uint8Array> | undefined
  return () =>
    (reading ??= read().catch((error: unknown) => {
      reading = undefined
      throw error
    }))
}
