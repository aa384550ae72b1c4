// map.html: two layers under a divider, and what the data say at the cursor.

import {makeLayers, numberText} from './layers.js';
import {MapView} from './map_view.js';
import {byId, colourLegend, element, placeText, quantity, showScaleBar, swatch, texts, useKeyboard} from './parts.js';
import {Place} from './place.js';

const KEPT = ['map', 'interval', 'conditional', 'smap', 'flags'];

export async function openMapPage(page) {
  const say = texts(page);
  const {layers, rasters, scales} = makeLayers(page);
  const place = new Place(page);
  for (const point of page.points) {
    point.colour = scales.soil_moisture.css(point.value);
    Object.assign(point, place.pixel(place.fromGeographic(point.longitude, point.latitude)));
  }
  await Promise.all([layers.smap.load(), layers.map.load()]);
  const scene = {left: layers.smap, right: layers.map, divider: 0.5, points: false, marks: [], cursor: null};
  const view = new MapView(byId('map'), place, page, scene);
  const needed = Object.values(rasters).filter(({readout}) => readout);
  const centreOf = ({row, column}) => place.geographic(place.coordinate(row + 0.5, column + 0.5));

  function valuesAt({row, column}) {
    const step = rasters.map.step;
    const found = {
      row, column, centre: centreOf({row, column}),
      map: layers.map.at(row, column), smap: layers.smap.at(row, column), flags: layers.flags.at(row, column),
      points: page.points.filter((point) => point.row === row && point.column === column),
    };
    if (rasters.below) {
      found.lower = found.map - rasters.below.steps(row, column) * step;
      found.upper = found.map + rasters.above.steps(row, column) * step;
    }
    if (rasters.conditional) found.conditional_width = rasters.conditional.steps(row, column) * rasters.conditional.step;
    return found;
  }

  const flagText = (flags) => {
    if (Number.isNaN(flags)) return '–';
    return page.flags.bits.filter((_, bit) => (flags >> bit) & 1).join('; ') || page.flags.none;
  };

  // What is said of a pixel.

  function lines(found) {
    const moisture = (value) => quantity(value, scales.soil_moisture);
    const rows = [['place', say('place'), placeText(found.centre, say)], ['map', layers.map.label, moisture(found.map)]];
    if (rasters.below) {
      const {digits, unit} = scales.soil_moisture;
      const interval = Number.isNaN(found.lower) ? '–'
        : say('interval_from_to', {low: numberText(found.lower, digits), high: numberText(found.upper, digits), unit});
      rows.push(['interval', page.interval, interval]);
    }
    if (rasters.conditional) {
      const about = {digits: scales.soil_moisture.digits - 1, unit: scales.soil_moisture.unit};
      const wide = Number.isNaN(found.conditional_width) ? '–' : say('wide', {width: quantity(found.conditional_width, about)});
      rows.push(['conditional', say('conditional'), wide]);
    }
    rows.push(['smap', say('smap_of_the_cell'), moisture(found.smap)], ['flags', say('flags'), flagText(found.flags)]);
    for (const layer of new Set([scene.left, scene.right])) {
      if (['map', 'smap', 'flags'].includes(layer.key)) continue;
      rows.push([layer.key, layer.label, quantity(layer.at(found.row, found.column), layer.scale)]);
    }
    for (const point of found.points) {
      rows.push(['point', say('field_point', {id: point.id}), moisture(point.value)]);
    }
    return rows;
  }

  async function tell(pixel, aloud = false) {
    scene.cursor = pixel;
    view.refresh();
    await Promise.all(needed.map((raster) => raster.load()));
    if (scene.cursor !== pixel) return;
    const list = byId('values');
    if (!pixel) {
      byId('readout').textContent = say('outside');
      list.replaceChildren(element('dt', {}, say('place')), element('dd', {}, say('outside')));
      return;
    }
    const found = valuesAt(pixel);
    const said = lines(found);
    const short = said.filter(([key]) => ['map', 'interval'].includes(key)).map(([, , text]) => text).join(' · ');
    byId('readout').textContent = `${layers.map.label}: ${Number.isNaN(found.map) ? say('no_value') : short}`;
    list.replaceChildren(...said.flatMap(([key, term, text]) => [
      element('dt', {}, term), element('dd', {'data-value': key}, text),
    ]));
    if (aloud) byId('status').textContent = said.map(([, term, text]) => `${term}: ${text}`).join('. ');
  }

  // Kept values.

  let kept = [];

  function showKept() {
    scene.marks = kept;
    byId('kept').hidden = !kept.length;
    byId('none-kept').hidden = Boolean(kept.length);
    byId('kept-list').replaceChildren(...kept.map((found, index) => {
      const remove = element('button', {type: 'button', 'aria-label': say('remove_number', {number: index + 1})}, '×');
      remove.addEventListener('click', () => {
        kept = kept.filter((other) => other !== found);
        showKept();
        byId('kept-title').focus();
      });
      // Where there is no value the flags say so.
      const said = lines(found).filter(([key, , text]) => KEPT.includes(key) && text !== '–');
      const values = said.map(([, term, text]) => element('span', {}, `${term}: ${text}`));
      return element('li', {}, element('span', {}, placeText(found.centre, say)), ...values, remove);
    }));
    view.refresh();
  }

  async function keep(pixel) {
    await Promise.all([tell(pixel), ...needed.map((raster) => raster.load())]);
    if (!pixel || kept.some((other) => other.row === pixel.row && other.column === pixel.column)) return;
    kept = [...kept, valuesAt(pixel)];
    showKept();
    byId('status').textContent = say('kept_number', {number: kept.length});
  }

  function csv() {
    const cell = (value) => (Number.isFinite(value) ? value.toFixed(4) : '');
    const ends = [...(rasters.below ? ['lower', 'upper'] : []), ...(rasters.conditional ? ['conditional_width'] : [])];
    const names = ['longitude', 'latitude', 'smap_9km', 'map_1km', ...ends, 'quality', 'flags'];
    const rows = kept.map((found) => [
      ...found.centre.map((value) => value.toFixed(5)), cell(found.smap), cell(found.map),
      ...ends.map((name) => cell(found[name])), found.flags, `"${flagText(found.flags)}"`,
    ]);
    return [names, ...rows].map((row) => row.join(',') + '\n').join('');
  }

  byId('copy').addEventListener('click', async () => {
    const area = byId('csv');
    area.value = csv();
    area.hidden = false;
    area.select();
    let copied = document.execCommand('copy'); // works from a file, where the newer way may not be allowed
    if (!copied) copied = await navigator.clipboard?.writeText(area.value).then(() => true, () => false);
    byId('status').textContent = byId('copied').textContent = say(copied ? 'copied' : 'copy_yourself');
  });

  // Layers and their legends.

  function showLegends() {
    const shownLayers = [...new Set([scene.left, scene.right])];
    if (scene.points) shownLayers.push({label: say('show_points'), scale: scales.soil_moisture});
    const groups = [...Map.groupBy(shownLayers, (layer) => layer.scale ?? layer).values()];
    byId('legends').replaceChildren(...groups.map((group) => {
      const title = group.map(({label}) => label).join('; ');
      if (group[0].scale) return colourLegend(group[0].scale, title, say);
      const classes = page.flags.classes.filter(({present, colour}) => present && colour);
      return element('figure', {className: 'legend'}, element('figcaption', {}, say('most_severe_flag')),
        ...classes.map(({colour, label}) => swatch(`#${colour}`, label)), swatch('#bdbdbd', say('no_value')));
    }));
    byId('name-left').textContent = scene.left.label;
    byId('name-right').textContent = scene.right.label;
    const same = scene.left === scene.right;
    byId('divider').hidden = byId('name-right').hidden = same;
  }

  for (const side of ['left', 'right']) {
    const choice = byId(`layer-${side}`);
    choice.replaceChildren(...page.layers.map(({key, label}) => element('option', {value: key}, label)));
    choice.value = scene[side].key;
    choice.addEventListener('change', async () => {
      const layer = layers[choice.value];
      document.body.setAttribute('aria-busy', 'true');
      await layer.load();
      if (layer !== layers[choice.value]) return; // another was chosen meanwhile
      document.body.removeAttribute('aria-busy');
      scene[side] = layer;
      showLegends();
      if (scene.cursor) tell(scene.cursor);
      divide(scene.divider);
    });
  }
  showLegends();

  // The divider.

  const divider = byId('divider');

  function divide(share) {
    scene.divider = Math.min(Math.max(share, 0), 1);
    const percent = Math.round(100 * scene.divider);
    divider.style.left = `${100 * scene.divider}%`;
    divider.setAttribute('aria-valuenow', percent);
    divider.setAttribute('aria-valuetext', say('divider_at', {percent, left: scene.left.label, right: scene.right.label}));
    view.refresh();
  }

  divider.addEventListener('keydown', (event) => {
    const by = event.shiftKey ? 0.1 : 0.02;
    const to = {
      ArrowLeft: scene.divider - by, ArrowDown: scene.divider - by, ArrowRight: scene.divider + by, ArrowUp: scene.divider + by,
      PageDown: scene.divider - 0.1, PageUp: scene.divider + 0.1, Home: 0, End: 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    divide(to);
  });
  divider.addEventListener('pointerdown', (event) => {
    divider.setPointerCapture(event.pointerId);
    const move = ({clientX}) => {
      const {left, width} = byId('map').getBoundingClientRect();
      divide((clientX - left) / width);
    };
    divider.addEventListener('pointermove', move);
    const end = () => divider.removeEventListener('pointermove', move);
    for (const name of ['pointerup', 'pointercancel']) divider.addEventListener(name, end, {once: true});
  });
  divide(0.5);

  // Cursor, points, places.

  view.map.on('pointermove', (event) => event.dragging || tell(place.pixel(event.coordinate)));
  view.map.on('click', (event) => keep(place.pixel(event.coordinate)));

  let waiting;
  function go(pixel) {
    view.reveal(place.coordinate(pixel.row + 0.5, pixel.column + 0.5));
    clearTimeout(waiting);
    waiting = setTimeout(() => tell(pixel, true), 250); // said aloud where the cursor stops
    return tell(pixel);
  }
  useKeyboard(byId('map'), view, page.grid, scene, {moved: go, chosen: keep});

  byId('go').addEventListener('submit', (event) => {
    event.preventDefault();
    const [longitude, latitude] = ['longitude', 'latitude'].map((id) => byId(id).valueAsNumber);
    const pixel = place.pixel(place.fromGeographic(longitude, latitude));
    if (pixel) go(pixel);
    else byId('status').textContent = byId('gone').textContent = say('outside');
    if (pixel) byId('gone').textContent = '';
  });
  if (page.points.length) {
    const choice = byId('point');
    choice.append(...page.points.map(({id}, index) => element('option', {value: index}, id)));
    choice.addEventListener('change', () => choice.value && page.points[choice.value].row !== undefined && go(page.points[choice.value]));
    byId('points').addEventListener('change', ({target}) => {
      scene.points = target.checked;
      showLegends();
      view.refresh();
    });
  }
  showScaleBar(view, byId('scale'), say);
  showKept();
  await new Promise((resolve) => view.map.once('rendercomplete', resolve));
}
