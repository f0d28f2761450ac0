// One conversation: its turns, and the connection that follows the running one.
//
// A dropped connection never ends a run. The chat asks again from the last event it applied, with
// growing pauses, until the run is over. The page only draws what `state` says.

import { ApiError, asApiError } from '../../api/problem'
import * as conversations from '../../api/queries/conversations'
import * as responses from '../../api/queries/responses'
import { currentSession, onSession } from '../../api/session'
import { readEvents, type ServerEvent } from '../../api/sse'
import type { ConversationEntry, ResponseObject, RunEvent } from '../../api/types'
import { applyAll, isOver, runOf } from '../../run/fold'
import { turnsOf } from './history'
import { newTurn, type Question, type Turn } from './turn'

export type Asking = { model: string; stores: string[] }
export type ChatState = {
  turns: Turn[]
  loading: boolean
  loadError: ApiError | null
  /** What the next question goes on with; null before there was one. */
  asked: Asking | null
}

// A server that restarts is back within half a minute, and its answers should go on at once; after that there is time.
const PAUSES_MS = [400, 1000, ...Array<number>(18).fill(1500), 4000, 8000, 15_000]
// The server sends a comment every 15 s; three missed ones mean that the line is dead.
const SILENCE_MS = 50_000
// Drawing more often than this costs frames and shows nothing new.
const DRAW_MS = 40

export class Chat {
  id: string | null
  state: ChatState
  #listeners = new Set<() => void>()
  #wake: (() => void) | null = null

  constructor(id: string | null) {
    this.id = id
    this.state = { turns: [], loading: id !== null, loadError: null, asked: null }
    if (id) void this.load()
  }

  subscribe = (listener: () => void) => {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
  getState = () => this.state

  #set(change: Partial<ChatState>) {
    this.state = { ...this.state, ...change }
    for (const listener of this.#listeners) listener()
  }

  #edit(key: string, change: (turn: Turn) => Partial<Turn>) {
    this.#set({
      turns: this.state.turns.map((turn) => (turn.key === key ? { ...turn, ...change(turn) } : turn)),
    })
  }

  #turn(key: string): Turn {
    const turn = this.state.turns.find((turn) => turn.key === key)
    if (!turn) throw new Error(`no turn ${key}`)
    return turn
  }

  get running(): Turn | null {
    const last = this.state.turns.at(-1)
    return last && !last.error && !isOver(last.run) ? last : null
  }

  /** Reads the conversation from the server and picks up a run that is still going on. */
  async load(): Promise<void> {
    const id = this.id
    if (!id) return
    this.#set({ loading: true, loadError: null })
    try {
      const [items, entry] = await Promise.all([conversations.items(id), conversations.get(id)])
      const last = await lastOf(entry)
      const turns = turnsOf(items, last?.response ?? null, last?.input ?? [])
      const asked = entry.model ? { model: entry.model, stores: entry.vector_store_ids ?? [] } : null
      this.#set({ turns, asked, loading: false })
      const running = this.running
      if (running?.run.id) void this.#follow(running.key, null)
    } catch (thrown) {
      this.#set({ loading: false, loadError: asApiError(thrown) })
    }
  }

  /** Has later questions asked of something else. A conversation that was asked nothing has nothing to go on with. */
  choose = (change: Partial<Asking>) => {
    if (this.state.asked) this.#set({ asked: { ...this.state.asked, ...change } })
  }

  /** Asks a question. `onNamed` is told the conversation's id when this is its first question. */
  async ask(question: Question, asking: Asking, onNamed: (id: string) => void): Promise<void> {
    const previous = this.state.turns.at(-1)?.run.id ?? null
    const turn = newTurn(question)
    this.#set({ turns: [...this.state.turns, turn], asked: asking })
    try {
      if (!this.id) {
        this.id = (await conversations.create()).id
        onNamed(this.id)
      }
    } catch (thrown) {
      this.#edit(turn.key, () => ({ error: asApiError(thrown) }))
      return
    }
    const body = {
      model: asking.model,
      input: question.text,
      conversation: this.id,
      ...(asking.stores.length > 0 && {
        tools: [{ type: 'file_search', vector_store_ids: asking.stores }],
      }),
      ...(question.files.length > 0 && { metadata: { attachments: fileNames(question) } }),
    }
    await this.#follow(turn.key, () => responses.start(body), previous)
  }

  /** Takes a question that never became a run off the list, so that it can be asked again. */
  dropFailed(key: string) {
    this.#set({ turns: this.state.turns.filter((turn) => turn.key !== key || turn.run.id !== null) })
  }

  /** Asks the server to stop the run. The end arrives as its last event. */
  async stop(): Promise<void> {
    const turn = this.running
    if (!turn) return
    this.#edit(turn.key, () => ({ stopping: true }))
    if (turn.run.id) await this.#cancel(turn.key, turn.run.id)
  }

  async #cancel(key: string, response: string) {
    try {
      await responses.cancel(response)
    } catch (thrown) {
      const error = asApiError(thrown)
      // Already over, or unreachable: the stream, or its reconnect, tells what became of it.
      if (error.status !== 409 && error.status !== 0) this.#edit(key, () => ({ stopping: false }))
    }
  }

  /** Tries to reconnect at once instead of waiting for the pause to end. */
  retryNow = () => this.#wake?.()

  /** Follows one run to its end. `open` starts it; `null` joins one that already exists. */
  async #follow(key: string, open: (() => Promise<Response>) | null, previous: string | null = null) {
    let start = open
    let attempt = 0
    let idle_rounds = 0
    for (;;) {
      const before = this.#turn(key).run
      try {
        if (!start && !before.id) await this.#find(key, previous)
        await this.#read(
          key,
          await (start
            ? start()
            : responses.follow(before.id ?? this.#turn(key).run.id ?? '', before.lastSeq)),
        )
      } catch (thrown) {
        const error = asApiError(thrown)
        // A question that was refused has no run. One that met a dead line may have one all the same.
        if (!mayRecover(error) || (start && error.status !== 0)) {
          this.#edit(key, () => ({ error, link: { state: 'idle' } }))
          return
        }
        if (error.status === 401) await signedIn()
      }
      start = null
      const run = this.#turn(key).run
      if (isOver(run)) {
        this.#edit(key, () => ({ link: { state: 'idle' }, stopping: false }))
        return
      }
      const moved = run.lastSeq > before.lastSeq
      attempt = moved ? 1 : attempt + 1
      idle_rounds = moved ? 0 : idle_rounds + 1
      this.#edit(key, () => ({ link: { state: 'lost', attempt } }))
      // A server that restarted may have no stream left but still know how the run ended.
      if (idle_rounds >= 2 && run.id) await this.#peek(key, run.id)
      if (isOver(this.#turn(key).run)) continue
      await this.#pause(PAUSES_MS[attempt - 1] ?? 15_000)
    }
  }

  /** The line broke before the run told its id: the conversation knows it, if it was ever started. */
  async #find(key: string, previous: string | null) {
    const last = this.id ? await lastOf(await conversations.get(this.id)) : null
    if (!last || last.response.id === previous) throw new ApiError({ status: 400, code: 'not_sent' })
    this.#edit(key, (turn) => ({ run: { ...turn.run, id: last.response.id } }))
  }

  async #peek(key: string, id: string) {
    const stored = await responses.get(id).catch(() => null)
    if (stored && isOver(runOf(stored))) this.#edit(key, () => ({ run: runOf(stored) }))
  }

  async #read(key: string, answer: Response): Promise<void> {
    this.#edit(key, () => ({ link: { state: 'live' } }))
    if (!answer.body || !answer.headers.get('content-type')?.includes('event-stream')) {
      const whole = (await answer.json()) as ResponseObject
      this.#edit(key, () => ({ run: runOf(whole) }))
      return
    }
    let waiting: RunEvent[] = []
    let timer: ReturnType<typeof setTimeout> | null = null
    const draw = () => {
      timer = null
      const events = waiting
      waiting = []
      this.#apply(key, events)
    }
    try {
      await readEvents(
        answer.body,
        (events) => {
          waiting.push(...events.flatMap(parse))
          timer ??= setTimeout(draw, DRAW_MS)
          if (this.#turn(key).run.gap) throw new TypeError('an event is missing')
        },
        SILENCE_MS,
      )
    } finally {
      if (timer !== null) clearTimeout(timer)
      draw()
    }
  }

  #apply(key: string, events: RunEvent[]) {
    if (events.length === 0) return
    const before = this.#turn(key)
    const run = applyAll(before.run, events)
    if (run === before.run) return
    const skews = events.flatMap((event) =>
      event.type === 'response.output_item.added' && event.item?.septet?.started_at_ms
        ? [Date.now() - event.item.septet.started_at_ms]
        : [],
    )
    const skewMs =
      skews.length > 0 ? Math.min(before.skewMs ?? Number.POSITIVE_INFINITY, ...skews) : before.skewMs
    this.#edit(key, () => ({ run, skewMs }))
    // Stop was pressed before the run had an id.
    if (before.stopping && !before.run.id && run.id) void this.#cancel(key, run.id)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        removeEventListener('online', done)
        this.#wake = null
        resolve()
      }
      // Spread a little, so that all pages do not come back in the same instant.
      const timer = setTimeout(done, ms * (0.8 + Math.random() * 0.4))
      addEventListener('online', done)
      this.#wake = done
    })
  }
}

async function lastOf(entry: ConversationEntry) {
  const id = entry.last_response
  if (!id) return null
  const [response, input] = await Promise.all([
    responses.get(id),
    responses.inputItems(id).catch(() => ({ data: [] })),
  ])
  return { response, input: input.data }
}

function mayRecover(error: ApiError): boolean {
  return error.status === 0 || error.status === 401 || error.status === 429 || error.status >= 500
}

/** Resolves when somebody is signed in (again). */
function signedIn(): Promise<void> {
  return new Promise((resolve) => {
    if (currentSession().state === 'in') return resolve()
    const off = onSession(() => {
      if (currentSession().state !== 'in') return
      off()
      resolve()
    })
  })
}

function parse(event: ServerEvent): RunEvent[] {
  if (event.data === '[DONE]') return []
  try {
    const parsed = JSON.parse(event.data) as RunEvent
    const seq = typeof parsed.sequence_number === 'number' ? parsed.sequence_number : Number(event.id)
    return Number.isInteger(seq)
      ? [{ ...parsed, type: parsed.type ?? event.event, sequence_number: seq }]
      : []
  } catch {
    // Half a line can only mean a cut stream; the number that is missing will show as a gap.
    return []
  }
}

// Metadata values hold 512 characters at most.
function fileNames(question: Question): string {
  const files = question.files.slice()
  for (;;) {
    const text = JSON.stringify(files)
    if (text.length <= 512 || files.length === 0) return text
    files.pop()
  }
}

const chats = new Map<string, Chat>()

/** The chat of a conversation; the same one for as long as the page lives. */
export function chatOf(id: string): Chat {
  const chat = chats.get(id) ?? new Chat(id)
  chats.set(id, chat)
  return chat
}
export const adopt = (chat: Chat) => {
  if (chat.id) chats.set(chat.id, chat)
}
export const forget = (id: string) => chats.delete(id)
/** After somebody else signed in, nothing of the last user may stay. */
export const forgetAll = () => chats.clear()
