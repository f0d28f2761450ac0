// First programs that ask an agent with a key, ready to be run. The key is read from the environment, so that it does
// not get into the program's source.

export const LANGUAGES = ['curl', 'python', 'typescript'] as const
export type Language = (typeof LANGUAGES)[number]

/** The language as code colours know it. */
export const COLOURED: Record<Language, string> = { curl: 'bash', python: 'python', typescript: 'typescript' }

export const INSTALL: Record<Language, string> = {
  curl: '',
  python: 'pip install openai',
  typescript: 'npm install openai',
}

type Given = { origin: string; model: string; question: string }

/** Single quotes for the shell, whatever is in the text. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** What is typed once in the shell that the program runs in. */
export const exported = (secret: string) => `export SEPTET_API_KEY=${secret}`

export function snippet(language: Language, { origin, model, question }: Given): string {
  const base = `${origin}/v1`
  switch (language) {
    case 'curl':
      return `curl ${base}/responses \\
  -H "Authorization: Bearer $SEPTET_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d ${quoted(JSON.stringify({ model, input: question }))}`
    case 'python':
      return `import os

from openai import OpenAI

client = OpenAI(
    base_url=${JSON.stringify(base)},
    api_key=os.environ["SEPTET_API_KEY"],
)
response = client.responses.create(
    model=${JSON.stringify(model)},
    input=${JSON.stringify(question)},
)
print(response.output_text)`
    case 'typescript':
      return `import OpenAI from 'openai'

const client = new OpenAI({
  baseURL: ${JSON.stringify(base)},
  apiKey: process.env.SEPTET_API_KEY,
})
const response = await client.responses.create({
  model: ${JSON.stringify(model)},
  input: ${JSON.stringify(question)},
})
console.log(response.output_text)`
  }
}
