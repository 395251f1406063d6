/** Text of a `config.toml` for a CODEX_HOME of its own: Codex then talks to this server only, without a login. */
export function codexConfigFor(url: string, options: { readonly model?: string } = {}): string {
  return `model = ${JSON.stringify(options.model ?? 'gpt-5.5')}
model_provider = "scripted"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.scripted]
name = "scripted"
base_url = ${JSON.stringify(`${url}/v1`)}
wire_api = "responses"
experimental_bearer_token = "scripted"
`
}

/** Variables with which Claude Code talks to this server only; give it a HOME of its own as well. */
export function claudeEnvFor(url: string): Record<string, string> {
  return {
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: 'scripted',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
    DISABLE_TELEMETRY: '1',
  }
}
