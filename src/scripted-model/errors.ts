import { AppError } from '#kernel'

export const scenarioInvalid = (field: string, reason: string, cause?: unknown): AppError =>
  new AppError('SCENARIO_INVALID', 'invalid', `scenario is invalid at ${field}: ${reason}`, {
    hint: `correct ${field}; the format is in src/scripted-model/README.md`,
    data: { field, reason },
    cause,
  })

export const requestNotSeen = (waitedMs: number, seen: readonly string[]): AppError =>
  new AppError('SCRIPTED_REQUEST_NOT_SEEN', 'timeout', `no matching request came within ${waitedMs} ms`, {
    hint: 'compare with the requests that did come',
    data: { waitedMs, seen },
  })

export const scriptedModelStopped = (): AppError =>
  new AppError('SCRIPTED_MODEL_STOPPED', 'unavailable', 'the scripted model was stopped', {
    hint: 'start it again, or end the wait before you stop it',
  })

export const bodyTooLarge = (maxBytes: number): AppError =>
  new AppError('SCRIPTED_BODY_TOO_LARGE', 'invalid', `the request body is larger than ${maxBytes} bytes`, {
    hint: 'send less',
    data: { maxBytes },
  })

export const bodyUnreadable = (reason: string, cause?: unknown): AppError =>
  new AppError('SCRIPTED_BODY_UNREADABLE', 'invalid', `the request body cannot be read: ${reason}`, {
    hint: 'send one JSON object, plain or as gzip, br, deflate or zstd',
    cause,
  })

export const toolNotOffered = (purpose: string, offered: readonly string[]): AppError =>
  new AppError(
    'SCRIPTED_TOOL_NOT_OFFERED',
    'invalid',
    `the client offers no tool to ${purpose}; it offers: ${offered.join(', ')}`,
    {
      hint: 'name a tool of this client with a toolCall step',
      data: { purpose, offered },
    },
  )
