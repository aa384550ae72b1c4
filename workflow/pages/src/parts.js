// Parts that both pages have: text from the page's table, elements, the legend, the scale bar.

import {numberText} from './layers.js';

/** A text of the page with its values: `{name}` is replaced. */
export function texts(page) {
  return (key, values = {}) => page.texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function byId(id) {
  return document.getElementById(id);
}

/** An element with properties, attributes (`aria-…`, `data-…`, and those of SVG) and children. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

export function drawing(name, attributes = {}, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A number with its unit. */
export function quantity(value, about) {
  return `${numberText(value, about.digits)}${about.unit && Number.isFinite(value) ? `\u00a0${about.unit}` : ''}`;
}

export function placeText([longitude, latitude], say) {
  const part = (value, positive, negative) => `${Math.abs(value).toFixed(4)}°\u00a0${say(value < 0 ? negative : positive)}`;
  return `${part(latitude, 'north', 'south')}, ${part(longitude, 'east', 'west')}`;
}

/** A band of colours with the numbers of its ends and middle. */
export function colourLegend(scale, title, say) {
  const colours = scale.colours.match(/.{6}/g).filter((_, index) => index % 15 === 0);
  const digits = legendDigits(scale);
  const numbers = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    return element('span', {}, numberText(scale.low + share * (scale.high - scale.low), digits));
  });
  const band = element('div', {className: 'band'});
  band.style.background = `linear-gradient(to right, ${colours.map((colour) => `#${colour}`)})`;
  const unit = scale.unit ? ` (${scale.unit})` : '';
  return element('figure', {className: 'legend'}, element('figcaption', {}, `${title}${unit}`), band,
    element('div', {className: 'numbers'}, ...numbers), swatch('#bdbdbd', say('no_value')));
}

function legendDigits({low, high, digits}) {
  const needed = Math.max(0, 1 - Math.floor(Math.log10((high - low) / 4)));
  return Math.min(needed, digits);
}

export function swatch(colour, text) {
  const patch = element('span', {className: 'swatch', 'aria-hidden': 'true'});
  patch.style.background = colour;
  return element('div', {className: 'class'}, patch, text);
}

/** Keep the scale bar true to the view. */
export function showScaleBar(view, bar, say) {
  const draw = () => {
    const {length, pixels} = view.scaleBar(130);
    bar.style.width = `${pixels}px`;
    bar.textContent = length >= 1000 ? say('km', {number: length / 1000}) : say('m', {number: length});
  };
  view.map.on('moveend', draw);
  draw();
}

/** Arrow keys move a cursor over the map's pixels, + and − zoom, Enter chooses: `moved` and `chosen` are told. */
export function useKeyboard(target, view, grid, scene, {moved, chosen}) {
  const steps = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};
  target.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const step = steps[event.key];
    if (step) {
      const far = event.shiftKey ? 10 : 1;
      const from = scene.cursor ?? view.place.pixel(view.view.getCenter())
        ?? {row: Math.floor(grid.rows / 2), column: Math.floor(grid.columns / 2)};
      const within = (value, count) => Math.min(Math.max(value, 0), count - 1);
      moved({row: within(from.row + step[0] * far, grid.rows), column: within(from.column + step[1] * far, grid.columns)});
    } else if (event.key === '+' || event.key === '=') view.zoom(1.5);
    else if (event.key === '-') view.zoom(1 / 1.5);
    else if (event.key === '0') view.fit();
    else if (event.key === 'Enter' && scene.cursor) chosen(scene.cursor);
    else return;
    event.preventDefault();
  });
  const buttons = {in: () => view.zoom(1.5), out: () => view.zoom(1 / 1.5), whole: () => view.fit()};
  for (const [id, act] of Object.entries(buttons)) byId(`zoom-${id}`).addEventListener('click', act);
}
