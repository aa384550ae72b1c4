// index.html of a region: its months on one scale of colours, and what they say of the region and of a place.

import {makeLayers, numberText} from './layers.js';
import {MapView} from './map_view.js';
import {byId, colourLegend, drawing, element, placeText, quantity, showScaleBar, texts, useKeyboard} from './parts.js';
import {Place} from './place.js';

const [HEIGHT, MARGIN] = [240, {left: 52, right: 14, top: 28, bottom: 30}];
const LOOKS = {
  map_mean: {stroke: '#0072b2', 'stroke-width': 2.5}, smap_mean: {stroke: '#0072b2', 'stroke-width': 1.5, 'stroke-dasharray': '6 4'},
  map_here: {stroke: '#d55e00', 'stroke-width': 2.5}, smap_here: {stroke: '#d55e00', 'stroke-width': 1.5, 'stroke-dasharray': '6 4'},
};

/** Dots of SMAP are hollow, and around those of the map where both have one value. */
function dot(key, cx, cy) {
  const {stroke} = LOOKS[key];
  return drawing('circle', key.startsWith('smap') ? {cx, cy, r: 5, fill: 'none', stroke, 'stroke-width': 1.5} : {cx, cy, r: 3, fill: stroke});
}

export async function openRegionPage(page) {
  const say = texts(page);
  const {layers, scales} = makeLayers(page);
  const scale = scales.soil_moisture;
  const place = new Place(page);
  const months = page.months;
  const layerOf = (number) => layers[`${byId('layer').value}-${months[number].month}`];
  let number = months.length - 1;
  await layerOf(number).load();
  const scene = {left: layerOf(number), right: layerOf(number), divider: 1, points: false, marks: [], cursor: null};
  const view = new MapView(byId('map'), place, page, scene);
  let series = null;

  function draw() {
    const width = Math.max(byId('series').clientWidth, 300);
    byId('series').setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    const lines = {
      map_mean: months.map((month) => month.map_mean), smap_mean: months.map((month) => month.smap_mean),
      ...(series && {map_here: series.map, smap_here: series.smap}),
    };
    const all = Object.values(lines).flat().filter(Number.isFinite);
    const [low, high] = [Math.min(...all, scale.low), Math.max(...all, scale.high)];
    const time = months.map(({month}) => 12 * Number(month.slice(0, 4)) + Number(month.slice(5)));
    const span = Math.max(time.at(-1) - time[0], 1);
    const x = (index) => {
      const room = width - MARGIN.left - MARGIN.right - 60;
      return MARGIN.left + 30 + (months.length > 1 ? ((time[index] - time[0]) / span) * room : room / 2);
    };
    const y = (value) => HEIGHT - MARGIN.bottom - ((value - low) / (high - low)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
    const parts = [];
    for (let step = 0; step <= 4; step++) {
      const value = low + (step / 4) * (high - low);
      parts.push(drawing('line', {x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value), stroke: '#dddddd'}));
      parts.push(drawing('text', {x: MARGIN.left - 8, y: y(value) + 4, 'text-anchor': 'end'}, numberText(value, 2)));
    }
    parts.push(drawing('text', {x: 0, y: 12}, scale.unit));
    const every = Math.ceil((months.length * 75) / width);
    months.forEach(({month}, index) => {
      if (index % every) return;
      parts.push(drawing('text', {x: x(index), y: HEIGHT - 8, 'text-anchor': 'middle'}, month));
    });
    parts.push(drawing('line', {x1: x(number), x2: x(number), y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, stroke: '#222222', 'stroke-width': 1}));
    for (const [key, values] of Object.entries(lines)) {
      const shown = values.map((value, index) => [x(index), y(value)]).filter(([, at]) => Number.isFinite(at));
      parts.push(drawing('polyline', {points: shown.join(' '), fill: 'none', ...LOOKS[key]}));
      parts.push(...shown.map(([cx, cy]) => dot(key, cx, cy)));
    }
    byId('series').replaceChildren(...parts);
    byId('series-legend').replaceChildren(...Object.keys(lines).map((key) => {
      const line = drawing('line', {x1: 0, x2: 30, y1: 6, y2: 6, ...LOOKS[key]});
      const look = drawing('svg', {width: 30, height: 12, 'aria-hidden': 'true'}, line, dot(key, 15, 6));
      return element('span', {className: 'line'}, look, say(key));
    }));
    const cells = (name, values) => document.querySelectorAll(`td[data-${name}]`).forEach((cell, index) => {
      cell.textContent = values ? numberText(values[index], scale.digits) : '–';
    });
    cells('map-here', series?.map);
    cells('smap-here', series?.smap);
  }

  async function show(next = number) {
    number = next;
    byId('month').value = number;
    byId('month').setAttribute('aria-valuetext', months[number].title);
    byId('month-name').textContent = months[number].title;
    byId('open-map').href = `${months[number].month}/map.html`;
    const layer = layerOf(number);
    await layer.load();
    if (layer !== layerOf(number)) return;
    scene.left = scene.right = layer;
    byId('legends').replaceChildren(colourLegend(scale, layer.label, say));
    draw();
    if (scene.cursor) tell(scene.cursor);
    view.refresh();
  }

  /** Value of the month that is shown. */
  function tell(pixel, aloud = false) {
    scene.cursor = pixel;
    view.refresh();
    const text = pixel
      ? `${placeText(centreOf(pixel), say)}: ${quantity(scene.left.at(pixel.row, pixel.column), scale)}` : say('outside');
    byId('value').textContent = text;
    if (aloud) byId('status').textContent = text;
  }

  const centreOf = ({row, column}) => place.geographic(place.coordinate(row + 0.5, column + 0.5));

  /** Values of a place in all months. */
  async function keep(pixel) {
    tell(pixel);
    if (!pixel) return;
    const every = (name) => Promise.all(months.map(async ({month}) => {
      const layer = layers[`${name}-${month}`];
      await layer.load();
      return layer.at(pixel.row, pixel.column);
    }));
    const [map, smap] = [await every('map'), await every('smap')];
    series = {map, smap};
    scene.marks = [pixel];
    byId('series-place').textContent = say('series_of', {place: placeText(centreOf(pixel), say)});
    byId('status').textContent = byId('series-place').textContent;
    draw();
    view.refresh();
  }

  let waiting;
  function go(pixel) {
    view.reveal(place.coordinate(pixel.row + 0.5, pixel.column + 0.5));
    tell(pixel);
    clearTimeout(waiting);
    waiting = setTimeout(() => tell(pixel, true), 250);
  }

  window.addEventListener('resize', draw);
  byId('month').addEventListener('input', ({target}) => show(target.valueAsNumber));
  byId('layer').addEventListener('change', () => show());
  view.map.on('pointermove', (event) => event.dragging || tell(place.pixel(event.coordinate)));
  view.map.on('click', (event) => keep(place.pixel(event.coordinate)));
  useKeyboard(byId('map'), view, page.grid, scene, {moved: go, chosen: keep});
  showScaleBar(view, byId('scale'), say);
  await show();
  view.refresh();
}
