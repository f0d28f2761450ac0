// A dialog with a title and a way out. Mantine's own head is a <header>, which would be a second banner of the page.

import { Modal, type ModalRootProps } from '@mantine/core'
import type { ReactNode } from 'react'
import { useLanguage } from '../i18n'
import styles from './Dialog.module.css'

type Given = {
  opened: boolean
  onClose: () => void
  title: string
  size?: NonNullable<ModalRootProps['size']>
  /** Closed by its buttons only: what it shows would be lost by a slip. */
  insistent?: boolean
  children: ReactNode
}

export function Dialog({ opened, onClose, title, size, insistent = false, children }: Given) {
  const { t } = useLanguage()
  return (
    <Modal.Root
      opened={opened}
      onClose={onClose}
      centered
      radius="lg"
      closeOnEscape={!insistent}
      closeOnClickOutside={!insistent}
      {...(size !== undefined && { size })}
    >
      <Modal.Overlay />
      <Modal.Content>
        <div className={styles.dialogHead}>
          <Modal.Title>{title}</Modal.Title>
          <Modal.CloseButton aria-label={t('app.close')} />
        </div>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}

/** The buttons below a dialog, the one that goes on last. */
export function DialogActions({ children }: { children: ReactNode }) {
  return (
    <div className={styles.dialogActions} data-testid="dialog-actions">
      {children}
    </div>
  )
}
