import type { en } from './words.en'

export const zh: Record<keyof typeof en, string> = {
  'account.title': '账户',
  'account.name': '姓名',
  'account.workspace': '工作区',
  'account.role': '角色',
  'account.password': '修改密码',
  'account.changed': '密码已修改。',
  'account.current': '当前密码',
  'account.new': '新密码',
  'account.rule': '至少 {n} 个字符。',
  'account.short': '不足 {n} 个字符。',
  'account.again': '再次输入新密码',
  'account.differs': '两次输入不一致。',
  'account.wrong': '当前密码不正确。',
  'account.change': '修改密码',
  'role.viewer': '查看者',
  'role.member': '成员',
  'role.editor': '编辑者',
  'role.admin': '管理员',
  'role.owner': '所有者',
}
