/** Answers bytes that many may be reading at once: piece by piece as each client takes them, so none has a copy of its own. */
export function bytesResponse(bytes: Uint8Array, headers: Readonly<Record<string, string>>): Response {
  let at = 0
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const end = Math.min(at + pieceBytes, bytes.length)
        controller.enqueue(bytes.subarray(at, end))
        at = end
        if (at === bytes.length) controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { headers: { ...headers, 'content-length': String(bytes.length) } })
}

const pieceBytes = 65_536
