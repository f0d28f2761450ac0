// What the knowledge engine reads: the endings of its table of formats, which a test there compares with this, and every
// kind of text. The file picker offers this and no more; a file that is dropped all the same is looked at by the server,
// which goes by the content.

export const ACCEPTED =
  '.pdf,.html,.htm,.xhtml,.md,.markdown,.csv,.tsv,.json,.jsonl,.ndjson,.txt,.text,.log,application/pdf,text/*'
