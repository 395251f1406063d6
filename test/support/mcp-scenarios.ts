/*
 * The scenarios of the protocol's own tests (`conformance list --server`) and what each is run against. All of them are run on our
 * transport with a fixture behind it; those that fit what Tandem offers are run against the real daemon, too, and for the others it says
 * here why not. test/mcp-conformance.test.ts runs them and checks that the table is complete.
 */

const played =
  'it calls a tool of that scenario; the tools of Tandem, and their errors, are tested in src/mcp and test/mcp-claude.test.ts'
const asking =
  'Tandem asks nothing of a client: a turn must not depend on one that can answer (Claude Code cancels in -p)'
const noResources = 'Tandem has no resources: answers are results of tools, and long ones are read on with codex_result'
const otherPrompt = 'it asks for a prompt of that scenario; the prompts of Tandem are tested in src/mcp'

/** Scenario -> `tandem`, or why it does not apply there. */
export const scenarios: Readonly<Record<string, 'tandem' | { readonly not: string }>> = {
  'server-initialize': 'tandem',
  ping: 'tandem',
  'tools-list': 'tandem',
  'prompts-list': 'tandem',
  'server-sse-multiple-streams': 'tandem',
  'dns-rebinding-protection': 'tandem',
  'logging-set-level': {
    not: 'Tandem does not declare logging: what happens is told by events, and the log is the daemon’s',
  },
  'completion-complete': { not: 'Tandem does not declare completions: the arguments of its prompts are free text' },
  'tools-call-simple-text': { not: played },
  'tools-call-image': { not: played },
  'tools-call-audio': { not: played },
  'tools-call-embedded-resource': { not: played },
  'tools-call-mixed-content': { not: played },
  'tools-call-with-logging': { not: played },
  'tools-call-error': { not: played },
  'tools-call-with-progress': { not: played },
  'tools-call-sampling': { not: asking },
  'tools-call-elicitation': { not: asking },
  'elicitation-sep1034-defaults': { not: asking },
  'elicitation-sep1330-enums': { not: asking },
  'json-schema-2020-12': { not: 'it looks for a tool of that scenario in the list' },
  'server-sse-polling': {
    not: 'it calls a tool that breaks its own stream. The scenario (0.1.16) names protocol 2025-03-26, for which the SDK keeps streams whole; the same with 2025-11-25 is tested in src/mcp',
  },
  'resources-list': { not: noResources },
  'resources-read-text': { not: noResources },
  'resources-read-binary': { not: noResources },
  'resources-templates-read': { not: noResources },
  'resources-subscribe': { not: noResources },
  'resources-unsubscribe': { not: noResources },
  'prompts-get-simple': { not: otherPrompt },
  'prompts-get-with-args': { not: otherPrompt },
  'prompts-get-embedded-resource': { not: otherPrompt },
  'prompts-get-with-image': { not: otherPrompt },
}
