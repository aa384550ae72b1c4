// Where pixels of the analysis grid (EPSG:6933) lie in the projection of the view.

import Proj from 'proj4/lib/Proj.js';
import proj4 from 'proj4/lib/core.js';
import cea from 'proj4/lib/projections/cea.js';
import laea from 'proj4/lib/projections/laea.js';

Proj.projections.add(cea);
Proj.projections.add(laea);

const EASE = '+proj=cea +lat_ts=30 +lon_0=0 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs';

export class Place {
  constructor({grid, projection}) {
    this.grid = grid;
    this.local = proj4(projection, EASE);
    this.globe = proj4(projection, 'WGS84');
    this.middle = grid.left + (grid.columns * grid.side) / 2;
  }

  /** Row and column, with fractions, of a place in the view; across 180° columns go on. */
  position(coordinate) {
    const [x, y] = this.local.forward(coordinate.slice());
    const {left, top, side, turn} = this.grid;
    const turned = x + turn * Math.round((this.middle - x) / turn);
    return [(top - y) / side, (turned - left) / side];
  }

  /** Row and column of the pixel that holds a place in the view; null outside of the grid. */
  pixel(coordinate) {
    const [row, column] = this.position(coordinate).map(Math.floor);
    const inside = row >= 0 && column >= 0 && row < this.grid.rows && column < this.grid.columns;
    return inside ? {row, column} : null;
  }

  /** The place in the view of a row and a column with fractions: + 0.5 for the centre. */
  coordinate(row, column) {
    const {left, top, side} = this.grid;
    return this.local.inverse([left + column * side, top - row * side]);
  }

  geographic(coordinate) {
    return this.globe.forward(coordinate.slice());
  }

  fromGeographic(longitude, latitude) {
    return this.globe.inverse([longitude, latitude]);
  }
}
