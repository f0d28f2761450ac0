import type { en } from './words.en'

export const zh: Record<keyof typeof en, string> = {
  'login.title': '登录 Septet',
  'login.email': '邮箱',
  'login.password': '密码',
  'login.submit': '登录',
  'login.expired': '登录已过期，请重新登录。对话和正在生成的回答都还在。',
  'login.left': '已退出登录。',
  'login.unreachable': '无法连接服务器。请确认 Septet 正在运行，然后重试。',
  'login.firstPassword': '管理员的初始密码在数据文件夹的 first-password 里。',
}
