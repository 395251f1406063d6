/** The same response; `over` is called once, when its body has ended, broke, or is not wanted any more. */
export function whenOver(response: Response, over: () => void): Response {
  if (response.body === null) {
    over()
    return response
  }
  const reader = response.body.getReader()
  let isOver = false
  // Cancelling ends the read that waits, too: both come here.
  const end = (): boolean => {
    if (isOver) return false
    isOver = true
    over()
    return true
  }
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (!done) return controller.enqueue(value)
        if (end()) controller.close()
      } catch (error) {
        if (end()) controller.error(error)
      }
    },
    async cancel(reason) {
      end()
      await reader.cancel(reason)
    },
  })
  return new Response(body, { status: response.status, headers: response.headers })
}
