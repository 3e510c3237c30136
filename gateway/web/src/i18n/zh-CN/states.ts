/* One word per state, the same on every page (docs/states). */
export default {
  step: {
    receiving: '上传中', incomplete: '图像未齐', complete: '图像已齐', awaiting: '待诊断', writing: '书写中', awaiting_review: '待审核',
    issued: '已发布', printed: '已打印', returned: '已退回', cancelled: '已取消',
  },
  study: { receiving: '上传中', complete: '图像已齐', incomplete: '图像未齐', merged: '已合并' },
  task: {
    awaiting: '待诊断', writing: '书写中', awaiting_review: '待审核', reviewing: '审核中', returned: '已退回', done: '已发布', cancelled: '已取消',
  },
  report: { draft: '草稿', provisional: '临时报告', submitted: '待审核', issued: '已发布', superseded: '已更正', void: '已作废' },
  delivery: {
    pending: '待发送', sending: '发送中', verifying: '核实中', waiting: '等待重发', delivered: '已送达', quarantined: '对方拒收',
    dead: '发送失败待处理', cancelled: '已取消',
  },
  critical: { raised: '已发现', notified: '已通知', read_back: '已复述', handled: '已处置', closed: '已结束' },
  conflict: { comparing: '比对中', open: '待处理', kept: '沿用原图', replaced: '改用新图', separate: '另存为独立图像' },
  quarantine: { open: '待处理', indexed: '已入库', closed: '已关闭' },
  commitment: { waiting: '待核对', judged: '待回报', reporting: '回报中', reported: '已回报', dead: '回报失败待处理' },
  mpps: { in_progress: '检查中', completed: '检查完成', discontinued: '检查中止' },
  return_kind: { request: '退回申请', retake: '退回重拍' },
  patient_class: { emergency: '急诊', outpatient: '门诊', inpatient: '住院', health_check: '体检' },
  reading_mode: { central: '上级诊断', local_draft: '基层初写', local: '基层诊断' },
  result: { positive: '阳性', negative: '阴性' },
  role: {
    radiographer: '影像技师', clinician: '临床医师', reporter: '报告医师', reviewer: '审核医师', duty_leader: '值班组长', quality_controller: '质控员',
    administrator: '管理人员', operator: '运维人员',
  },
}
