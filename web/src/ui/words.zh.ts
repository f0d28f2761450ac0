import type { en } from './words.en'

export const zh: Record<keyof typeof en, string> = {
  'app.menu': '菜单',
  'app.language': '语言',
  'app.theme.dark': '切换到深色',
  'app.theme.light': '切换到浅色',
  'app.close': '关闭',
  'app.cancel': '取消',
  'app.delete': '删除',
  'app.retry': '重试',
  'app.copy': '复制',
  'app.copied': '已复制',
  'app.code': '代码',
}
