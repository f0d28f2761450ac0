import type { en } from './words.en'

export const zh: Record<keyof typeof en, string> = {
  'error.network': '无法连接服务器。请检查网络后重试。',
  'error.unreadable': '无法读取这个文件。请重新导出或另存后再上传。',
  'error.notSent': '问题没有送达服务器，请重新提问。',
  'error.unknown': '出错了，请重试；如果一直如此，请把请求编号告诉管理员。',
  'error.runFailed': '回答没有完成。',
  'error.requestId': '请求编号 {id}',
  'error.aMoment': '片刻',
  'error.seconds': ' {n} 秒',
}
