/* Under reading.slide: whole slides of pathology. */
export default {
  name: '全切片图像',
  all: '全貌',
  level: '第 {n}/{all} 层 · {percent}%',
  keys: '滚轮或 +/- 缩放；拖动或方向键移动；0 或双击 看全貌',
  sharp: '本层图像已完整',
  coming: '快速预览，请勿据此诊断 · 更清晰的图块读取中…',
  part: '切片缺少较小的层，只显示中间部分，请放大',
  lost: '有 {n} 块未能读取：{why}',
  no_levels: '这个序列里没有可以拼成切片的图像（缺少总尺寸或图块尺寸）。原始数据已完整保存。',
  label: '切片标签',
  overview: '切片概览',
}
