import { createTheme, defaultVariantColorsResolver, type VariantColorsResolver } from '@mantine/core'

// Mantine's light variant is below 4.5:1 for several colours; a darker text on the palest shade passes. So is white on
// its filled red.
const readable: VariantColorsResolver = (input) => {
  const colors = defaultVariantColorsResolver(input)
  if (input.variant === 'filled' && input.color === 'red')
    return {
      ...colors,
      background: 'var(--mantine-color-red-9)',
      hover: 'color-mix(in srgb, var(--mantine-color-red-9) 88%, black)',
    }
  if (input.variant !== 'light') return colors
  const name = input.color ?? input.theme.primaryColor
  return {
    ...colors,
    background: `light-dark(var(--mantine-color-${name}-0), color-mix(in srgb, var(--mantine-color-${name}-9) 35%, #111113))`,
    color: `light-dark(color-mix(in srgb, var(--mantine-color-${name}-9) 62%, black), var(--mantine-color-${name}-2))`,
  }
}

export const theme = createTheme({
  primaryColor: 'indigo',
  primaryShade: 7,
  defaultRadius: 'md',
  cursorType: 'pointer',
  fontFamily:
    'Inter, system-ui, -apple-system, "Segoe UI", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace',
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '19px' },
  variantColorResolver: readable,
  components: {
    Tooltip: { defaultProps: { openDelay: 400, withArrow: true, fz: 'xs' } },
    Modal: { defaultProps: { centered: true, radius: 'lg' } },
    // In place, and not at the end of the page, so that a menu belongs to the part it was opened from.
    // The first item gets the focus, for a placeholder would be a child that a menu may not have.
    Menu: {
      defaultProps: {
        shadow: 'md',
        radius: 'md',
        withinPortal: false,
        withInitialFocusPlaceholder: false,
      },
    },
  },
})
