export { createVerbs } from './create-verbs.ts'
export type { StatusFacts, VerbsDeps } from './handler.ts'
