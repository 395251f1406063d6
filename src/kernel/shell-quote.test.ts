import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { shellQuote } from '#kernel'

describe('shellQuote', () => {
  it('leaves a plain path as it is', () => {
    expect(shellQuote('/srv/state/tandem-1_2@x:y%z+')).toBe('/srv/state/tandem-1_2@x:y%z+')
  })

  it.each(['', 'a b', "it's", '$HOME', '`id`', '-n; rm *', '\\', '"', 'new\nline', 'ü'])(
    'makes %j one word that a shell reads back as it was',
    text => {
      expect(execFileSync('/bin/sh', ['-c', `printf %s ${shellQuote(text)}`], { encoding: 'utf8' })).toBe(text)
    },
  )
})
