import cockpit from './cockpit'
import common from './common'
import corrections from './corrections'
import doubts from './doubts'
import frame from './frame'
import identity from './identity'
import images from './images'
import operations from './operations'
import reading from './reading'
import rules from './rules'
import states from './states'
import township from './township'

export default { common, states, frame, township, corrections, identity, images, reading, cockpit, operations, doubts, rules }
