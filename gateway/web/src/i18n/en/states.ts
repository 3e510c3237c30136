export default {
  step: {
    receiving: 'Receiving', incomplete: 'Incomplete', complete: 'Images complete', awaiting: 'Awaiting reading', writing: 'Being written',
    awaiting_review: 'Awaiting review', issued: 'Issued', printed: 'Printed', returned: 'Returned', cancelled: 'Cancelled',
  },
  study: { receiving: 'Receiving', complete: 'Images complete', incomplete: 'Incomplete', merged: 'Merged' },
  task: {
    awaiting: 'Awaiting reading', writing: 'Being written', awaiting_review: 'Awaiting review', reviewing: 'Under review', returned: 'Returned',
    done: 'Issued', cancelled: 'Cancelled',
  },
  report: { draft: 'Draft', provisional: 'Provisional', submitted: 'Awaiting review', issued: 'Issued', superseded: 'Corrected', void: 'Void' },
  delivery: {
    pending: 'To be sent', sending: 'Sending', verifying: 'Verifying', waiting: 'Waiting to retry', delivered: 'Delivered', quarantined: 'Refused by peer',
    dead: 'Failed, needs attention', cancelled: 'Cancelled',
  },
  critical: { raised: 'Raised', notified: 'Notified', read_back: 'Read back', handled: 'Handled', closed: 'Closed' },
  conflict: { comparing: 'Comparing', open: 'Open', kept: 'First one kept', replaced: 'Other one used', separate: 'Image of its own' },
  quarantine: { open: 'Open', indexed: 'Brought in', closed: 'Closed' },
  commitment: { waiting: 'To be checked', judged: 'To be reported', reporting: 'Reporting', reported: 'Reported', dead: 'Report failed' },
  mpps: { in_progress: 'Under way', completed: 'Completed', discontinued: 'Discontinued' },
  return_kind: { request: 'Request returned', retake: 'Retake asked' },
  patient_class: { emergency: 'Emergency', outpatient: 'Outpatient', inpatient: 'Inpatient', health_check: 'Health check' },
  reading_mode: { central: 'Read by the lead', local_draft: 'Drafted locally', local: 'Read locally' },
  result: { positive: 'Positive', negative: 'Negative' },
  role: {
    radiographer: 'Radiographer', clinician: 'Clinician', reporter: 'Reporting doctor', reviewer: 'Reviewing doctor', duty_leader: 'Duty leader',
    quality_controller: 'Quality controller', administrator: 'Administrator', operator: 'Operator',
  },
}
