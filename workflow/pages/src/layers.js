// Layers of a map: values decoded from the page when they are asked for, and their colours.

const BITS = new Uint32Array(new Uint8Array([1, 0, 0, 0]).buffer)[0] === 1 ? [0, 8, 16, 24] : [24, 16, 8, 0];

/** Red, green, blue as `rrggbb` in the order of an image's bytes, opaque. */
function pixelColour(text) {
  const parts = [0, 2, 4].map((start) => parseInt(text.slice(start, start + 2), 16));
  return [...parts, 255].reduce((sum, part, index) => sum | (part << BITS[index]), 0) >>> 0;
}

/** Bytes of the page's part of this name. */
async function inflated(name) {
  const text = atob(document.getElementById(`data-${name}`).textContent);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = text.charCodeAt(index);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A raster of the page: numbers of steps, 0 where there is no value. */
class Raster {
  constructor(about) {
    Object.assign(this, about); // name, rows, columns, step, first, factor, differences
    this.codes = null;
  }

  async load() {
    this.loading ??= inflated(this.name).then((bytes) => {
      const count = this.rows * this.columns;
      const codes = new Uint16Array(count);
      for (let row = 0, index = 0; row < this.rows; row++) {
        let before = 0;
        for (let column = 0; column < this.columns; column++, index++) {
          const code = bytes[index] | (bytes[count + index] << 8);
          before = this.differences ? (before + ((code >>> 1) ^ -(code & 1))) & 0xffff : code;
          codes[index] = before;
        }
      }
      this.codes = codes;
    });
    return this.loading;
  }

  /** Steps from zero at a pixel of 1 km; NaN where there is no value. */
  steps(row, column) {
    const {factor} = this;
    const place = factor === 1 ? row * this.columns + column
      : Math.floor(row / factor) * this.columns + Math.floor(column / factor);
    const code = this.codes[place];
    return code ? this.first + code - 1 : NaN;
  }
}

/** Colours of numbers between two ends; what lies beyond has the colour of the end. */
export class Scale {
  constructor(about) {
    Object.assign(this, about); // low, high, colours, label, unit, digits
    this.table = Uint32Array.from(this.colours.match(/.{6}/g), pixelColour);
  }

  place(value) {
    const share = (value - this.low) / (this.high - this.low);
    return Math.min(Math.max(Math.floor(share * this.table.length), 0), this.table.length - 1);
  }

  pixel(value) {
    return Number.isNaN(value) ? 0 : this.table[this.place(value)];
  }

  css(value) {
    return `#${this.colours.slice(6 * this.place(value), 6 * this.place(value) + 6)}`;
  }
}

/** Layers by their keys: `rasters` it needs, `at(row, column)` its number, `pixel(value)` its colour. */
export function makeLayers(page) {
  const rasters = Object.fromEntries(page.rasters.map((about) => [about.name, new Raster(about)]));
  const scales = Object.fromEntries(Object.entries(page.scales).map(([key, about]) => [key, new Scale(about)]));
  const value = (raster) => (row, column) => raster.steps(row, column) * raster.step;
  const {map, smap, below, above, flags} = rasters;
  const computed = {
    width: () => [[below, above], (row, column) => (below.steps(row, column) + above.steps(row, column)) * below.step],
    difference: () => [[map, smap], (row, column) => (map.steps(row, column) - smap.steps(row, column)) * map.step],
  };
  const layers = {};
  for (const about of page.layers) {
    const [needed, at] = computed[about.key]?.() ?? [[rasters[about.key]], value(rasters[about.key])];
    const layer = {...about, at, load: () => Promise.all(needed.map((raster) => raster.load()))};
    if (about.key === 'flags') {
      const table = Uint32Array.from(page.flags.classes, (one) => (one.colour ? pixelColour(one.colour) : 0));
      layer.pixel = (number) => (Number.isNaN(number) ? 0 : table[page.flags.class_of[number]]);
    } else {
      layer.scale = scales[about.scale];
      layer.pixel = (number) => layer.scale.pixel(number);
    }
    layers[about.key] = layer;
  }
  return {layers, rasters, scales};
}

/** A number as print has it: decimals of the quantity, a true minus sign. */
export function numberText(value, digits) {
  if (!Number.isFinite(value)) return '–';
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '−');
}
