/* Image conflicts and quarantine. */
export default {
  conflicts: 'Image conflicts', quarantine: 'Quarantine', arrived: 'Arrived', compared: 'Compared', size: 'Size', state: 'State', device: 'Device', reason: 'Reason', times: 'Times',
  show: 'Show', open: 'Open', settled: 'Settled', all: 'All',
  conflicts_text: 'Two images came under one SOP Instance UID with other data. Both are kept, nothing is overwritten or deleted. What is only coded anew and equal after decoding is settled by itself; open the others, compare and decide.',
  quarantine_text: 'Images that are safe and cannot be put into the ledger. They are kept as they came. Open one to see why, correct it and bring it in; what a device sends again and again is kept once.',
  no_conflict: 'There is no image conflict.', no_quarantine: 'Nothing is in quarantine.', none_open: 'Nothing is open. Choose what is settled above to see it.',
  likeness: {
    same: 'Coded anew, same content', header: 'Other information', pixels: 'Other picture', lossy: 'Compressed with loss: cannot be called the same', undecodable: 'Cannot be decoded: cannot be called the same', too_large: 'Too large to be compared by itself', unreadable: 'One of them cannot be read', late: 'The comparison took too long', unfinished: 'The comparison never ended',
  },
  code: {
    no_site: 'Its site does not exist', sop_uid: 'SOP UID missing or malformed', mismatch: 'Not of the kind or UID that was announced', study_uid: 'Study or series UID missing or malformed', unreadable: 'Its structure cannot be read', damaged: 'Damaged in the receiving journal', ledger: 'The ledger does not take a value of it',
  },
  conflict_title: 'Image conflict', object_title: 'Quarantined object', which: { stored: 'First one (in use)', other: 'Other one (came later, or was replaced)' }, no_picture: 'No picture can be shown', picture_of: 'Picture: {which}',
  syntax: 'Coding', digest: 'Digest', patient: 'Patient', study_version: 'examination, version {n}', uid: 'UID', from_device: 'Device',
  differences: 'What differs ({n})', shown_part: 'Only the first {n} are listed.', no_difference: 'Their information does not differ.', tag: 'Tag', name: 'Name', technical: 'does not count', absent: '(none)', unreadable: 'Cannot be read: {why}',
  keep: 'Keep the first one', replace: 'Use the other one', separate: 'Make it an image of its own', undo: 'Undo the decision', export_stored: 'Export the first one', export_other: 'Export the other one', export: 'Export', close_dialog: 'Back to the list',
  keep_text: 'The image stays the first one; the other one is kept.', replace_text: 'The image answers with the other one; the first one is kept. Its examination is opened again with a new version, and whoever writes or has issued its report is told.', separate_text: 'The other one becomes an image of its own under a new UID, in the examination and of the patient that it names. This cannot be undone.', undo_text: 'Back to what it was before the decision; it is open again.',
  kept_done: 'The first one is kept', replaced_done: 'The other one is used', separate_done: 'It is an image of its own', undone: 'Undone, and open again',
  history: 'What was done', by_rule: 'by itself', event: { match: 'Compared: same', differ: 'Compared: different', keep: 'First one kept', replace: 'Other one used', separate: 'Image of its own', undo: 'Undone', correct: 'Corrected', retry: 'Brought in again', close: 'Closed', reopen: 'Opened again' },
  outcome: { stored: 'Brought in', duplicate: 'The same as an image that is there: done', conflict: 'Taken, and an image conflict now', failed: 'Still cannot be brought in' },
  header: 'Header ({n})', value: 'Value', filter: 'Find a tag, name or value', facts: 'How it came', times_of: 'came {n} times', correct: 'Correct', correct_text: 'Corrections are noted beside the image; its data does not change. Empty means: as the image says.', make_uid: 'New', save: 'Save corrections', saved: 'The corrections are saved', of_image: 'as the image says', nowhere: 'of no site',
  field: {
    site: 'Site', study_instance_uid: 'Study Instance UID', series_instance_uid: 'Series Instance UID', sop_instance_uid: 'SOP Instance UID', sop_class_uid: 'SOP Class UID', patient_name: 'Patient name', patient_id: 'Patient ID', patient_sex: 'Sex', patient_birth_date: 'Birth date', accession_number: 'Accession number',
  },
  name_hint: 'such as ZHANG^SAN', date_hint: 'YYYYMMDD', sex: { M: 'male', F: 'female', O: 'other' },
  retry: 'Bring in', retry_all: 'Bring in the chosen ({n})', choose: 'Choose this one', progress: 'Bringing in: {done} of {all}', finished: 'Done: {good} brought in, {bad} not', refused: 'Not done', reopen: 'Open again', close: 'Close', close_text: 'Nothing will be made of it. It is kept, and can be opened again.', reopen_text: 'It is open again.', closed_done: 'Closed', reopened_done: 'Open again', see_study: 'In an examination now',
}
