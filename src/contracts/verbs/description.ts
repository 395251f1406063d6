import type { z } from 'zod'

/** How a verb reads as a command. Fields that are not named here cannot be given on the command line. */
export interface CommandShape {
  /** One word, or two: `turns`, `policy show`. */
  readonly command: string
  /** Whole sentences for the manual page, beyond the verb's summary; an empty line parts paragraphs. */
  readonly description?: string
  /** Positional arguments in order. The last may take the rest of the line. */
  readonly arguments?: readonly {
    readonly field: string
    readonly isOptional?: boolean
    readonly takesRest?: boolean
  }[]
  /** Field -> flags, e.g. `{ session_id: '-s, --session <id>' }`. Booleans have no `<value>`. */
  readonly options?: Readonly<Record<string, string>>
  /** Fields that the command line fills from where it runs. */
  readonly fromContext?: Readonly<Record<string, 'cwd'>>
  readonly examples?: readonly string[]
}

/** How a verb reads as an MCP tool. The wire name of a member may differ from the verb's. */
export interface ToolShape {
  readonly tool: string
  readonly title: string
  /** At most 2,048 characters: Claude Code cuts what is longer. */
  readonly description: string
  /** Claude Code runs calls of a tool side by side only with this hint. */
  readonly isReadOnly: boolean
  /** Members of the verb's input that this tool offers; the others are not there. */
  readonly fields: readonly string[]
  /** Verb's member -> the tool's, for input and output alike. */
  readonly names?: Readonly<Record<string, string>>
  /** Values that this tool always passes. */
  readonly fixed?: Readonly<Record<string, unknown>>
}

/**
 * How a verb reads as a route of the HTTP door. Members of the input that the path does not name are the query of a GET and the
 * JSON body of every other method.
 */
export interface RouteShape {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the door's base; `{member}` stands for a member of the input: `/turns/{turn_id}`. */
  readonly path: `/${string}`
}

export interface VerbDescription<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly name: string
  readonly summary: string
  readonly input: I
  readonly output: O
  readonly annotations: {
    readonly isReadOnly: boolean
    readonly isIdempotent: boolean
    /** It may pass events to `onEvent` before it answers. */
    readonly isStreaming: boolean
  }
  /** The doors it has. A program on the socket may call every verb. */
  readonly doors: {
    readonly socket: true
    readonly cli?: CommandShape
    readonly mcp?: readonly ToolShape[]
    readonly http?: RouteShape
  }
}

/** Keeps the literal types of a description; checks nothing. */
export function describeVerb<const N extends string, I extends z.ZodType, O extends z.ZodType>(
  description: VerbDescription<I, O> & { readonly name: N },
): VerbDescription<I, O> & { readonly name: N } {
  return description
}
