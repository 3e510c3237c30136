/* 图像冲突与异常数据. */
export default {
  conflicts: '图像冲突', quarantine: '异常数据', arrived: '到达时间', compared: '比对结果', size: '大小', state: '状态', device: '设备', reason: '原因', times: '次数',
  show: '显示', open: '待处理', settled: '已处理', all: '全部',
  conflicts_text: '同一标识（SOP Instance UID）先后收到数据不同的图像，两份都保留，绝不覆盖或删除。只是重新编码、解码后相同的，系统自动沿用原图；其余请打开比较后决定。',
  quarantine_text: '已收妥、但不能登记入库的图像，原样保留，不会丢失。打开查看原因，更正后“重新入库”；设备反复发送的同一图像只留一份。',
  no_conflict: '没有图像冲突。', no_quarantine: '没有异常数据。', none_open: '没有待处理的。可在“显示”中查看已处理的。',
  likeness: {
    same: '重新编码，内容相同', header: '信息不同', pixels: '画面不同', lossy: '有损压缩，不能认定相同', undecodable: '无法解码，不能认定相同', too_large: '太大，未自动比对', unreadable: '其中一份无法读取', late: '比对超时', unfinished: '多次比对未完成',
  },
  code: {
    no_site: '所属机构不存在', sop_uid: '图像标识（SOP UID）缺失或不合规范', mismatch: '与发送时声明的类型或标识不一致', study_uid: '检查或序列标识（UID）缺失或不合规范', unreadable: '数据结构无法读取', damaged: '接收日志中的数据已损坏', ledger: '数据库不接受其中的值',
  },
  conflict_title: '图像冲突', object_title: '异常数据', which: { stored: '原图（正在使用）', other: '新图（后到或替换下来的）' }, no_picture: '无法显示画面', picture_of: '{which}的画面',
  syntax: '编码', digest: '数据摘要', patient: '患者', study_version: '检查第 {n} 版', uid: '标识', from_device: '来源设备',
  differences: '不同的信息（{n} 项）', shown_part: '只列出前 {n} 项。', no_difference: '两份的信息没有不同。', tag: '标签', name: '名称', technical: '不影响判定', absent: '（无）', unreadable: '无法读取：{why}',
  keep: '沿用原图', replace: '改用新图', separate: '另存为独立图像', undo: '撤销决定', export_stored: '导出原图', export_other: '导出新图', export: '导出', close_dialog: '返回列表',
  keep_text: '这张图像继续使用原图，新图保留备查。', replace_text: '这张图像改用新图，原图保留备查。检查会重新打开（版本加一），正在书写或已发布的报告会得到提醒。', separate_text: '新图以新的标识成为独立图像，归入它自己所写的检查和患者。此操作不能撤销。', undo_text: '恢复到决定之前的状态，重新待处理。',
  kept_done: '已沿用原图', replaced_done: '已改用新图', separate_done: '已另存为独立图像', undone: '已撤销，重新待处理',
  history: '处理经过', by_rule: '系统', event: { match: '比对相同', differ: '比对不同', keep: '沿用原图', replace: '改用新图', separate: '另存为独立图像', undo: '撤销', correct: '更正', retry: '重新入库', close: '关闭', reopen: '重新打开' },
  outcome: { stored: '已入库', duplicate: '与已有图像相同，已了结', conflict: '已收下，成为图像冲突', failed: '仍不能入库' },
  header: '图像信息（{n} 项）', value: '内容', filter: '查找标签、名称或内容', facts: '接收情况', times_of: '共收到 {n} 次', correct: '更正', correct_text: '更正只记在系统里，图像数据不变。空着表示以图像中的为准。', make_uid: '生成', save: '保存更正', saved: '更正已保存', of_image: '以图像为准', nowhere: '不属于任何机构',
  field: {
    site: '机构', study_instance_uid: '检查 UID', series_instance_uid: '序列 UID', sop_instance_uid: '图像 UID', sop_class_uid: '图像类型 UID', patient_name: '患者姓名', patient_id: '患者号', patient_sex: '性别', patient_birth_date: '出生日期', accession_number: '检查号',
  },
  name_hint: '如 ZHANG^SAN=张^三', date_hint: 'YYYYMMDD', sex: { M: '男', F: '女', O: '其他' },
  retry: '重新入库', retry_all: '重新入库所选（{n}）', choose: '选择这一项', progress: '正在重新入库：{done} / {all}', finished: '完成：{good} 项已入库，{bad} 项未能入库', refused: '未能进行', reopen: '重新打开', close: '关闭不再处理', close_text: '不再处理这份数据。数据保留，可随时重新打开。', reopen_text: '重新列入待处理。', closed_done: '已关闭', reopened_done: '已重新打开', see_study: '已归入检查',
}
