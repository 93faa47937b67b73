/** What viewers draw at most; beyond it the file is offered for download, or a part is drawn and that is said. */

const MB = 1_000_000;

/** A Plotly figure, which is JSON: text of twice 10 MB still opens within seconds. */
export const FIGURE_BYTES_MAX = 25 * MB;
/** Points as JSON, or a model: 300,000 points with colours are 35 MB. */
export const SPACE_BYTES_MAX = 100 * MB;
export const MOLECULE_BYTES_MAX = 25 * MB;
/** Points drawn of a cloud; of more, evenly chosen ones. */
export const POINTS_MAX = 300_000;
export const BOXES_MAX = 2_000;
export const VECTORS_MAX = 20_000;
/** Labels of boxes that are written into the drawing. */
export const LABELS_MAX = 200;
