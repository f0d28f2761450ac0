import { createContext, use } from 'react'

/** On small screens the rail is a drawer, which a page's head can open. */
export const Menu = createContext<{ small: boolean; open: () => void }>({
  small: false,
  open: () => undefined,
})
export const useMenu = () => use(Menu)
