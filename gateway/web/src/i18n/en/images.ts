/* The plain page of images. */
export default {
  no_study: 'No study was chosen. Open one from the queue or from a report.',
  open_study: 'Opening the images',
  priors_name: 'Reading the earlier examinations',
  priors: 'Earlier examinations ({n})',
  report: 'Report',
  no_webgl: 'The browser of this computer has no WebGL, so this is the plain page; the server draws the same images.',
}
