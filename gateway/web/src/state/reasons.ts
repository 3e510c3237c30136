/*
 * The gateway's commonest refusals in the words of the page. It gives its reason as an English sentence; one that stands here is shown as
 * common.reason.NAME, every other one as it came, behind our words for its kind (words.ts).
 */
import { i18n, translate } from '@/i18n'

type Reason = [pattern: RegExp, name: string, filled?: 'state' | 'name' | 'n' | 'field', states?: string]

export const REASONS: Reason[] = [
  [/^the password is wrong$/, 'password'],
  [/^too many wrong passwords: try again in (\d+) s$/, 'password_wait', 'n'],
  [/^the new password is the old one$/, 'password_same'],
  [/^a password has \d+ to \d+ characters$/, 'password_length'],
  [/^\d+ tokens are in force already/, 'token_many'],
  [/^the last day lies more than \d+ days ahead$/, 'token_far'],
  [/^the last day lies in the past$/, 'token_past'],
  [/^the workstation's name cannot have a colon/, 'token_colon'],
  [/^this needs a role that you do not have$/, 'role'],
  [/^the X-CSRF-Token of this login is missing or wrong$/, 'token'],
  [/^cannot \w+ (?:here|this request|this study|this critical value|a critical value): no right at (?:its|this) site$/, 'site'],
  [/^cannot answer: no right at this site$/, 'site'],
  [/^cannot do this: you are no operator at its site$/, 'operator'],

  [/^cannot take this task: no right to \w+ here$/, 'reading_right'],
  [/^cannot (?:return this task: no right to write here|save the draft: you have no right to write this report)$/, 'reading_right'],
  [/^could not take this task: images are still arriving$/, 'arriving'],
  [/author and reviewer must be different persons$/, 'two_persons'],
  [/^cannot give the review to the author of the report$/, 'two_persons'],
  [/^cannot give the task to a person who has no right/, 'other_right'],
  [/^cannot \w+ this task: that is for (?:its holder or )?a duty leader$/, 'leader'],
  [/^cannot \w+ this task: it is (\w+)$/, 'task_is', 'state', 'task'],
  [/^cannot \w+ a reading task that is (\w+)$/, 'task_is', 'state', 'task'],
  [/^cannot answer: the task is (\w+)$/, 'task_is', 'state', 'task'],
  [/^cannot go on: this task is not yours any more, (.+) holds it now$/, 'held_now', 'name'],
  [/^cannot go on: this task is not yours any more, it is (\w+)$/, 'not_yours_is', 'state', 'task'],
  [/^cannot go on: this task is not yours(?: any more)?$/, 'not_yours'],
  [/^cannot go on: you took this task anew meanwhile, load it again$/, 'taken_anew'],
  [/^cannot save the draft: the task is not in writing$/, 'not_yours'],
  [/^cannot submit the report: you are not writing it$/, 'not_yours'],
  [/^cannot (?:issue the report|send the report back): you are not reviewing it$/, 'not_yours'],
  [/^cannot (?:save the draft: it|submit the report: the draft) was changed elsewhere, load it again$/, 'draft_changed'],
  [/^cannot submit the report: save it in your own name first$/, 'draft_not_own'],
  [/^cannot submit the report: (\w+) is (?:empty|not stated, positive or negative)$/, 'empty', 'field'],
  [/images came in since it was written, look at them first$/, 'new_images'],
  [/images came in since it was written, send it back to its author$/, 'new_images_review'],
  [/^cannot submit the report: a key image was marked just now/, 'key_new'],
  [/^cannot sign: you are not qualified to \w+ this examination today$/, 'qualified'],
  [/^cannot sign: you have no valid signing certificate$/, 'certificate'],
  [/^cannot sign: the queue has no signing policy in force$/, 'policy'],
  [/^cannot ask: a question is not answered yet$/, 'asked'],
  [/^cannot answer: somebody has answered already$/, 'answered'],
  [/^cannot mark a key image: there are (\d+) already$/, 'key_full', 'n'],
  [/^cannot mark a key image: the study has no such image$/, 'key_image'],
  [/^cannot mark a key image: you are not writing the report of this study$/, 'key_not_writing'],

  [/^cannot match: the study has a request already$/, 'study_matched'],
  [/^cannot match: the request has a study already$/, 'request_matched'],
  [/^cannot match: the request is cancelled$/, 'request_cancelled'],
  [/^cannot change this request: it is cancelled$/, 'request_cancelled'],
  [/^cannot cancel this request: it is (\w+)$/, 'request_is', 'state', 'request'],
  [/^cannot take the match back: the study has no request$/, 'unmatched'],
  [/^cannot print this report: it is not issued$/, 'not_issued'],
  [/^cannot \w+ this critical value: it is (\w+)$/, 'critical_is', 'state', 'critical'],
  [/^cannot \w+ this delivery: it is (\w+)$/, 'delivery_is', 'state', 'delivery'],
  [/^other destinations are tested just now/, 'testing'],
  [/^cannot change this destination: (.+) changed it meanwhile, load it again$/, 'destination_changed', 'name'],
  [/^(.+) at this address is a destination of .+ already$/, 'destination_double', 'name'],
  [/^cannot remove this destination: /, 'destination_used'],
  [/^cannot keep a secret: this installation has no key file/, 'no_key_file'],
  [/^cannot use this [\w ]+: .* ended on (\S+)$/, 'certificate_ended', 'n'],
  [/^cannot use this [\w ]+: (?:the certificate no\. \d+ in it is damaged|there is no certificate in PEM form in it)$/, 'certificate_damaged'],
  [/^cannot use this private key: it does not belong to the certificate$/, 'key_mismatch'],
  [/^cannot use this private key: it is protected by a password$/, 'key_protected'],
  [/^cannot use (?:this certificate: its private key is missing|mutual TLS: our certificate and its private key are missing)$/, 'key_missing'],
  [/^cannot use this password: its user is missing$/, 'user_missing'],
  [/^cannot use this token: there is a user already, give one of them$/, 'token_and_user'],
  [/^cannot use this backoff_min_ms: it is longer than backoff_max_ms$/, 'backoff'],
  [/^cannot use this deadline_ms: it is shorter than backoff_max_ms$/, 'deadline'],

  [/^cannot do this: you are neither operator nor duty leader at its site$/, 'doubt_right'],
  [/^cannot do this: the conflict is (\w+)$/, 'doubt_is', 'state', 'conflict'],
  [/^cannot do this: the object is (\w+)$/, 'doubt_is', 'state', 'quarantine'],
  [/^cannot do this: somebody (?:decided|corrected it) meanwhile; look again$/, 'doubt_meanwhile'],
  [/^cannot do this: somebody drives the object just now$/, 'doubt_driven'],
  [/^cannot use the other one: it (?:names another|is of another)/, 'doubt_other'],
  [/^cannot use the other one: this is a report of our own/, 'doubt_own'],
  [/^cannot undo: another object took its place since/, 'doubt_later'],
  [/^cannot take the object: study or series UID/, 'doubt_study_uid'],
  [/^cannot take the object: SOP class or instance UID/, 'doubt_sop_uid'],
  [/^cannot take the object: dataset does not match/, 'doubt_mismatch'],
  [/^the bytes are not in the journal of this host/, 'doubt_elsewhere'],
  [/^could not index: cannot index: no such site$/, 'doubt_no_site'],
  [/^(\w+) has not the form that it needs$/, 'doubt_form', 'field'],
  [/^cannot correct this: no right at its site$/, 'site'],
  [/^cannot use this request: it is cancelled$/, 'request_cancelled'],
  [/^cannot use this request: it has a study already$/, 'request_matched'],
  [/^cannot go on: nothing of the patient would change$/, 'nothing_changes'],
  [/^cannot (?:correct this study: it|bring images to a study that) was merged into another$/, 'merged'],
  [/^cannot take this correction back: it was taken back already$/, 'undone'],
  [/^cannot take this back: its images are elsewhere meanwhile$/, 'images_elsewhere'],
  [/^cannot take this back: something later builds on it, take that back first$/, 'builds_on'],
  [/^cannot take this back: nobody has settled it$/, 'unsettled'],
  [/^cannot settle this: (?:it is settled already|somebody did already)$/, 'settled'],
  [/^cannot settle this: you do not sign at its queue$/, 'signs_elsewhere'],
  [/^cannot go on: the patient of this study was corrected since, look at it first$/, 'patient_corrected'],
]

/* A state's own word; where there is none the gateway's. */
function filling(kind: NonNullable<Reason[2]>, found: string, states = ''): string {
  const key = kind === 'field' ? (i18n.global.te(`doubts.field.${found}`, 'zh-CN') ? `doubts.field.${found}` : `reading.field.${found}`) : kind !== 'state' ? '' : states === 'request' ? `township.request_state.${found}` : `states.${states}.${found}`
  return key !== '' && i18n.global.te(key, 'zh-CN') ? translate(key) : found
}

/* '' where the gateway's sentence is none that is known. */
export function reasonText(detail: string): string {
  for (const [pattern, name, filled, states] of REASONS) {
    const match = pattern.exec(detail)
    if (match !== null) return translate(`common.reason.${name}`, filled === undefined ? {} : { [filled]: filling(filled, match[1] ?? '', states) })
  }
  return ''
}
