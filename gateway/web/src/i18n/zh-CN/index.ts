import cockpit from './cockpit'
import common from './common'
import doubts from './doubts'
import frame from './frame'
import operations from './operations'
import reading from './reading'
import states from './states'
import township from './township'

export default { common, states, frame, township, reading, cockpit, operations, doubts }
