import { useCallback, useLayoutEffect, useRef, useState } from 'react'

const NEAR_PX = 90

/** Keeps a growing list at its end until the reader scrolls away, and says so when they did. */
export function useStickToEnd(content: unknown) {
  const ref = useRef<HTMLDivElement>(null)
  const stick = useRef(true)
  const last = useRef(0)
  const height = useRef(0)
  const [away, setAway] = useState(false)
  // Its own moves are remembered: content that shrinks and grows again would else look like a reader who moved up.
  const follow = useCallback(() => {
    const box = ref.current
    if (!box || !stick.current) return
    box.scrollTop = box.scrollHeight
    last.current = box.scrollTop
    height.current = box.scrollHeight
  }, [])
  const toEnd = useCallback(() => {
    stick.current = true
    setAway(false)
    follow()
  }, [follow])
  const onScroll = useCallback(() => {
    const box = ref.current
    if (!box) return
    const isNear = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX
    // Only moving up is leaving: content that grows moves the end away by itself.
    if (isNear) stick.current = true
    else if (box.scrollTop < last.current - 1 && box.scrollHeight >= height.current) stick.current = false
    last.current = box.scrollTop
    height.current = box.scrollHeight
    setAway(!stick.current)
  }, [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: new content is the reason to move
  useLayoutEffect(follow, [content])
  // Pictures and colours arrive later than the text and make it taller.
  useLayoutEffect(() => {
    const inner = ref.current?.firstElementChild
    if (!inner) return
    const watcher = new ResizeObserver(follow)
    watcher.observe(inner)
    return () => watcher.disconnect()
  }, [follow])
  return { ref, onScroll, away, toEnd }
}
