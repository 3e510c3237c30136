/* The plain page of images. */
export default {
  no_study: '没有选择检查。请从待诊断队列或报告旁打开。',
  open_study: '打开检查图像',
  priors_name: '读取既往检查',
  priors: '既往检查（{n}）',
  report: '报告',
  no_webgl: '这台电脑的浏览器不支持 WebGL，已使用简易阅片页；图像由服务器绘制，内容相同。',
}
