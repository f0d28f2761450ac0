// Numbers, sizes, durations and dates in the reader's language.

import { toMillis } from '../api/time'

export const count = (n: number, tag: string) => new Intl.NumberFormat(tag).format(n)

export const percent = (share: number, tag: string) =>
  new Intl.NumberFormat(tag, { style: 'percent', maximumFractionDigits: 0 }).format(share)

export function bytes(n: number, tag: string): string {
  const units = ['B', 'KB', 'MB', 'GB']
  let at = 0
  let value = n
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000
    at += 1
  }
  return `${new Intl.NumberFormat(tag, { maximumFractionDigits: value < 10 && at > 0 ? 1 : 0 }).format(value)} ${units[at]}`
}

export function duration(ms: number, tag: string): string {
  if (ms < 1000) return `${count(Math.max(0, Math.round(ms)), tag)} ms`
  if (ms < 60_000)
    return `${new Intl.NumberFormat(tag, { maximumFractionDigits: 1, minimumFractionDigits: 1 }).format(ms / 1000)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

/** Nano-units of currency. Small amounts keep as many digits as it takes to see them. */
export function money(nano: number, currency: string | undefined, tag: string): string {
  const value = nano / 1e9
  const digits = value !== 0 && Math.abs(value) < 0.01 ? 6 : value !== 0 && Math.abs(value) < 1 ? 4 : 2
  return new Intl.NumberFormat(tag, {
    style: 'currency',
    currency: currency ?? 'USD',
    currencyDisplay: 'narrowSymbol',
    minimumFractionDigits: 2,
    maximumFractionDigits: digits,
  }).format(value)
}

/** A day, from seconds since 1970. */
export const day = (seconds: number, tag: string) =>
  new Intl.DateTimeFormat(tag, { dateStyle: 'medium' }).format(toMillis(seconds))

/** A moment, from seconds since 1970. */
export const moment = (seconds: number, tag: string) =>
  new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeStyle: 'short' }).format(toMillis(seconds))

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]

/** How long ago that was, to the minute; beyond a month it is the day. */
export function ago(seconds: number, tag: string, nowMs: number): string {
  const passed = Math.max(0, (nowMs - toMillis(seconds)) / 1000)
  if (passed > 30 * 86_400) return day(seconds, tag)
  const words = new Intl.RelativeTimeFormat(tag, { numeric: 'auto' })
  const [unit, size] = UNITS.find(([, size]) => passed >= size) ?? ['minute', 60]
  return words.format(-Math.floor(passed / size), unit)
}

export type DayGroup<T> = { key: string; label: string; entries: T[] }

/** Groups what happened by day: today, yesterday, the last week, then by month. */
export function byDay<T>(
  entries: T[],
  timeOf: (entry: T) => number,
  words: { today: string; yesterday: string; week: string },
  tag: string,
  now: Date,
): DayGroup<T>[] {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime()
  const DAY = 86_400_000
  const month = new Intl.DateTimeFormat(tag, { year: 'numeric', month: 'long' })
  const groups: DayGroup<T>[] = []
  for (const entry of entries) {
    const time = toMillis(timeOf(entry))
    const label =
      time >= midnight
        ? words.today
        : time >= midnight - DAY
          ? words.yesterday
          : time >= midnight - 7 * DAY
            ? words.week
            : month.format(time)
    const last = groups.at(-1)
    if (last?.label === label) last.entries.push(entry)
    else groups.push({ key: label, label, entries: [entry] })
  }
  return groups
}
