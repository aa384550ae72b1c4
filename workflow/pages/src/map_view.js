// The map: OpenLayers moves the view, and each frame is painted here, pixel by pixel, from the layers' numbers.
//
// OpenLayers could warp pictures; painted from numbers, a pixel has exactly the colour of the value that its place holds.

import Map from 'ol/Map.js';
import View from 'ol/View.js';
import {defaults} from 'ol/interaction/defaults.js';
import Layer from 'ol/layer/Layer.js';
import Projection from 'ol/proj/Projection.js';
import {getDistance} from 'ol/sphere.js';

const LATTICE = 16; // screen pixels between places that are projected: in between, lines
const [INK, MISSING, PAPER] = ['#222222', '#bdbdbd', '#ffffff'];

export class MapView {
  /** `scene` is what is shown: left, right (layers), divider (0…1), points, marks, cursor. */
  constructor(target, place, page, scene) {
    this.place = place;
    this.page = page;
    this.scene = scene;
    this.canvas = document.createElement('canvas');
    this.canvas.className = 'painting';
    this.raster = document.createElement('canvas');
    const projection = new Projection({code: 'local', units: 'm', extent: page.extent});
    const [left, bottom, right, top] = page.extent;
    const around = 0.25 * Math.max(right - left, top - bottom);
    this.map = new Map({
      target,
      controls: [],
      // A click keeps a value: two are no wish to zoom.
      interactions: defaults({keyboard: false, doubleClickZoom: false, altShiftDragRotate: false, pinchRotate: false}),
      pixelRatio: Math.min(window.devicePixelRatio, 2),
      layers: [new Layer({render: (frame) => this.paint(frame)})],
      view: new View({
        projection,
        center: [(left + right) / 2, (bottom + top) / 2],
        resolution: (right - left) / 800,
        minResolution: 20,
        maxResolution: Math.max(right - left, top - bottom) / 150,
        extent: [left - around, bottom - around, right + around, top + around],
        constrainOnlyCenter: true,
        enableRotation: false,
      }),
    });
    this.fit();
  }

  get view() {
    return this.map.getView();
  }

  fit() {
    this.view.fit(this.page.extent, {padding: [44, 24, 44, 24]});
  }

  refresh() {
    this.map.render();
  }

  zoom(factor) {
    this.view.setResolution(this.view.getConstrainedResolution(this.view.getResolution() / factor));
  }

  /** Move the view, no further than needed, so that a place in it is shown. */
  reveal(coordinate) {
    const [width, height] = this.map.getSize();
    const at = this.map.getPixelFromCoordinate(coordinate);
    const margin = Math.min(60, width / 4, height / 4);
    if (!at || at[0] < margin || at[1] < margin || at[0] > width - margin || at[1] > height - margin) {
      this.view.setCenter(coordinate);
    }
  }

  paint(frame) {
    const {pixelRatio, size} = frame;
    const [width, height] = size.map((side) => Math.round(side * pixelRatio));
    for (const canvas of [this.canvas, this.raster]) {
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
    }
    const {center, resolution} = frame.viewState;
    const step = resolution / pixelRatio;
    this.origin = [center[0] - (width / 2) * step, center[1] + (height / 2) * step];
    this.step = step;
    const divider = Math.round(this.scene.divider * width);
    const key = [...center, step, width, height].join();
    if (key !== this.located) {
      this.pixels = this.locate(width, height);
      this.located = key;
      this.painted = '';
    }
    const wanted = [divider, this.scene.left.key, this.scene.right.key].join();
    if (wanted !== this.painted) {
      this.fill(width, height, divider);
      this.painted = wanted;
    }
    this.draw(width, height, divider, pixelRatio);
    return this.canvas;
  }

  /** Row and column of the grid under each pixel of the screen, -1 outside. */
  locate(width, height) {
    const {rows, columns} = this.place.grid;
    const row = new Int32Array(width * height).fill(-1);
    const column = new Int32Array(width * height);
    const across = Math.ceil(width / LATTICE) + 1;
    const line = (y) => Array.from({length: across}, (_, index) => this.place.position(this.at(index * LATTICE, y)));
    let lower = line(0);
    for (let y0 = 0; y0 < height; y0 += LATTICE) {
      const upper = lower;
      lower = line(y0 + LATTICE);
      for (let x0 = 0, index = 0; x0 < width; x0 += LATTICE, index++) {
        const [[r00, c00], [r01, c01], [r10, c10], [r11, c11]] = [upper[index], upper[index + 1], lower[index], lower[index + 1]];
        for (let y = y0; y < Math.min(y0 + LATTICE, height); y++) {
          const down = (y + 0.5 - y0) / LATTICE;
          const [ra, rb, ca, cb] = [r00 + (r10 - r00) * down, r01 + (r11 - r01) * down, c00 + (c10 - c00) * down, c01 + (c11 - c01) * down];
          for (let x = x0; x < Math.min(x0 + LATTICE, width); x++) {
            const share = (x + 0.5 - x0) / LATTICE;
            const r = Math.floor(ra + (rb - ra) * share);
            const c = Math.floor(ca + (cb - ca) * share);
            if (r >= 0 && c >= 0 && r < rows && c < columns) {
              row[y * width + x] = r;
              column[y * width + x] = c;
            }
          }
        }
      }
    }
    return {row, column};
  }

  fill(width, height, divider) {
    const context = this.raster.getContext('2d');
    const image = context.createImageData(width, height);
    const colours = new Uint32Array(image.data.buffer);
    const {row, column} = this.pixels;
    const side = (layer, start, end) => {
      for (let y = 0; y < height; y++) {
        for (let index = y * width + start; index < y * width + end; index++) {
          if (row[index] >= 0) colours[index] = layer.pixel(layer.at(row[index], column[index]));
        }
      }
    };
    side(this.scene.left, 0, divider);
    side(this.scene.right, divider, width);
    context.putImageData(image, 0, 0);
  }

  /** The place in the view of a pixel of the canvas, and back. */
  at(x, y) {
    return [this.origin[0] + x * this.step, this.origin[1] - y * this.step];
  }

  to([x, y]) {
    return [(x - this.origin[0]) / this.step, (this.origin[1] - y) / this.step];
  }

  draw(width, height, divider, ratio) {
    const context = this.canvas.getContext('2d');
    context.clearRect(0, 0, width, height);
    const region = new Path2D();
    for (const ring of this.page.outline) {
      for (let index = 0; index < ring.length; index += 2) {
        const [x, y] = this.to([ring[index], ring[index + 1]]);
        index ? region.lineTo(x, y) : region.moveTo(x, y);
      }
      region.closePath();
    }
    context.fillStyle = MISSING;
    context.fill(region, 'evenodd');
    context.drawImage(this.raster, 0, 0);
    context.strokeStyle = INK;
    context.lineWidth = 1.2 * ratio;
    context.stroke(region);
    if (this.scene.points) {
      for (const point of this.page.points) {
        this.disc(context, this.place.fromGeographic(point.longitude, point.latitude), 4.5 * ratio, point.colour);
      }
    }
    (this.scene.marks ?? []).forEach(({row, column}, index) => {
      const at = this.place.coordinate(row + 0.5, column + 0.5);
      this.disc(context, at, 9 * ratio, PAPER);
      context.fillStyle = INK;
      context.font = `bold ${11 * ratio}px sans-serif`;
      Object.assign(context, {textAlign: 'center', textBaseline: 'middle'});
      context.fillText(index + 1, ...this.to(at));
    });
    if (this.scene.cursor) this.frame(context, this.scene.cursor, ratio);
    if (this.scene.left !== this.scene.right) {
      context.fillStyle = PAPER;
      context.fillRect(divider - 2 * ratio, 0, 4 * ratio, height);
      context.fillStyle = INK;
      context.fillRect(divider - ratio, 0, 2 * ratio, height);
    }
  }

  disc(context, coordinate, radius, colour) {
    context.beginPath();
    context.arc(...this.to(coordinate), radius, 0, 2 * Math.PI);
    Object.assign(context, {fillStyle: colour, strokeStyle: INK, lineWidth: radius / 4});
    context.fill();
    context.stroke();
  }

  /** A frame around a pixel, and four lines toward it that show it where it is smaller than the eye sees. */
  frame(context, {row, column}, ratio) {
    const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]];
    const places = corners.map((corner) => this.to(this.place.coordinate(...corner)));
    const [x, y] = this.to(this.place.coordinate(row + 0.5, column + 0.5));
    const gap = Math.max(Math.abs(places[1][0] - places[0][0]) / 2 + 3 * ratio, 6 * ratio);
    const path = new Path2D();
    places.forEach((place, index) => (index ? path.lineTo(...place) : path.moveTo(...place)));
    path.closePath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      path.moveTo(x + dx * gap, y + dy * gap);
      path.lineTo(x + dx * (gap + 10 * ratio), y + dy * (gap + 10 * ratio));
    }
    for (const [colour, width] of [[PAPER, 4], [INK, 2]]) {
      Object.assign(context, {strokeStyle: colour, lineWidth: width * ratio});
      context.stroke(path);
    }
  }

  /** Length in m on the globe, and in pixels of the page, of a round scale bar at the centre of the view along x. */
  scaleBar(widest) {
    const centre = this.view.getCenter();
    const ends = [-0.5, 0.5].map((half) => [centre[0] + half * widest * this.view.getResolution(), centre[1]]);
    const metres = getDistance(...ends.map((end) => this.place.geographic(end)));
    const power = 10 ** Math.floor(Math.log10(metres));
    const length = power * [5, 2, 1].find((digit) => digit * power <= metres);
    return {length, pixels: (widest * length) / metres};
  }
}
