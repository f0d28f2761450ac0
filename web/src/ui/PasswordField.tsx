// A field for a password, which can be made readable.

import { PasswordInput, type PasswordInputProps } from '@mantine/core'

type Given = {
  label: string
  name: string
  /** Whether a password manager should fill in the one it has, or offer a new one. */
  kind: 'current' | 'new'
  value: string
  onType: (value: string) => void
  description?: string
  error?: string | null
  size?: NonNullable<PasswordInputProps['size']>
}

export function PasswordField({ kind, onType, error = null, ...field }: Given) {
  return (
    <PasswordInput
      {...field}
      autoComplete={`${kind}-password`}
      required
      withAsterisk={false}
      error={error}
      onChange={(event) => onType(event.currentTarget.value)}
    />
  )
}
