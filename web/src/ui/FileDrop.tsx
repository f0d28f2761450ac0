// Files dropped anywhere on an element.

import { type DragEvent, useRef, useState } from 'react'
import styles from './FileDrop.module.css'

/** Handlers for the element, and what lies over it while files are held above. `label` says what dropping does. */
export function useFileDrop(onFiles: (files: File[]) => void, label: string) {
  const [over, setOver] = useState(false)
  // Entering a child fires before leaving its parent, so the depth is counted.
  const depth = useRef(0)
  const hasFiles = (event: DragEvent) => event.dataTransfer.types.includes('Files')
  const handlers = {
    onDragEnter: (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      depth.current += 1
      setOver(true)
    },
    onDragOver: (event: DragEvent) => {
      if (hasFiles(event)) event.preventDefault()
    },
    onDragLeave: (event: DragEvent) => {
      if (!hasFiles(event)) return
      depth.current -= 1
      if (depth.current <= 0) setOver(false)
    },
    onDrop: (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      depth.current = 0
      setOver(false)
      onFiles([...event.dataTransfer.files])
    },
  }
  return { handlers, overlay: over ? <div className={styles.drop}>{label}</div> : null }
}
