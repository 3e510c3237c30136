/* Under reading.slide: whole slides of pathology. */
export default {
  name: 'Whole slide',
  all: 'Whole',
  level: 'level {n}/{all} · {percent}%',
  keys: 'Wheel or +/- zooms; dragging or arrows move; 0 or double click shows the whole',
  sharp: 'This level is complete',
  coming: 'Quick preview, not for diagnosis · sharper tiles are coming…',
  part: 'The slide has no smaller level: only its middle is shown, zoom in',
  lost: '{n} tiles could not be fetched: {why}',
  no_levels: 'This series has no images that make a slide (their total size or the size of a tile is missing). The original is safely stored.',
  label: 'Label of the slide',
  overview: 'Overview of the slide',
}
