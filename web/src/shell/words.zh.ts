import type { en } from './words.en'

export const zh: Record<keyof typeof en, string> = {
  'app.tagline': '上传文档，得到有出处的回答',
  'app.chat': '对话',
  'app.knowledge': '知识库',
  'app.workspace': '工作台',
  'app.newChat': '新对话',
  'app.signOut': '退出登录',
  'app.account': '{name} 的账户',
  'app.skip': '跳到正文',
  'app.notFound': '没有这个页面。',
  'app.lost': '找不到页面',
  'app.home': '回到对话',
}
