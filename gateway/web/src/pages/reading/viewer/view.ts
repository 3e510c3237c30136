/* Zoom and place of the picture in its pane, in pixels of the screen. Scale 1 fits the pane. Never mirrored, never turned. */
export interface View { scale: number; x: number; y: number }
export interface Size { width: number; height: number }

export const WHOLE: View = { scale: 1, x: 0, y: 0 }
const SCALE_MIN = 1
const SCALE_MAX = 16
const SIDE_STEP = 256
const SIDE_MAX = 4096 /* what the gateway draws at most */

/* The size at which a picture fits a pane, enlarged or not. */
export function fit(picture: Size, pane: Size): Size {
  if (picture.width <= 0 || picture.height <= 0) return { width: 0, height: 0 }
  const by = Math.min(pane.width / picture.width, pane.height / picture.height)
  return { width: picture.width * by, height: picture.height * by }
}

/* Some of the picture always stays in the pane. */
export function boundView(view: View, fitted: Size, pane: Size): View {
  const reach = (side: number, room: number) => Math.max(0, (side * view.scale + room) / 2 - Math.min(room, side * view.scale) * 0.25)
  const x = reach(fitted.width, pane.width)
  const y = reach(fitted.height, pane.height)
  return { scale: view.scale, x: Math.max(-x, Math.min(x, view.x)), y: Math.max(-y, Math.min(y, view.y)) }
}

/* The point (from the middle of the pane) stays where it is. */
export function zoomAt(view: View, factor: number, px: number, py: number): View {
  const scale = Math.max(SCALE_MIN, Math.min(SCALE_MAX, view.scale * factor))
  if (scale === SCALE_MIN) return { ...WHOLE }
  const by = scale / view.scale
  return { scale, x: px - (px - view.x) * by, y: py - (py - view.y) * by }
}

export const transformText = (view: View): string => `translate(${view.x}px, ${view.y}px) scale(${view.scale})`

/*
 * The viewport to ask for: what the pane shows at this zoom in device pixels, in steps, so that pulling at an edge asks for little anew.
 * Null: the picture as it is, which is not larger.
 */
export function viewportFor(pane: Size, scale: number, pixelRatio: number, picture: Size | null): Size | null {
  const ratio = Math.min(2, Math.max(1, pixelRatio)) * Math.min(4, Math.max(1, scale))
  const side = (length: number) => Math.min(SIDE_MAX, Math.max(SIDE_STEP, Math.ceil((length * ratio) / SIDE_STEP) * SIDE_STEP))
  const wanted = { width: side(pane.width), height: side(pane.height) }
  if (picture !== null && (picture.width <= wanted.width && picture.height <= wanted.height)) return null
  return wanted
}
