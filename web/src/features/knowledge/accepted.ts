// What the knowledge engine reads: PDF, and every kind of text. The file picker offers this and no more; a file that is
// dropped all the same is looked at by the server, which goes by the content.

export const ACCEPTED =
  '.pdf,.html,.htm,.xhtml,.md,.markdown,.csv,.tsv,.txt,.json,.log,application/pdf,text/*'
