// The script of both pages: what a page holds is in its JSON.

import {openMapPage} from './map_page.js';
import {openRegionPage} from './region_page.js';

const page = JSON.parse(document.getElementById('page').textContent);
const open = {map: openMapPage, region: openRegionPage}[page.kind];
open(page).then(
  () => document.documentElement.setAttribute('data-ready', ''),
  (error) => {
    document.getElementById('failed').hidden = false;
    throw error;
  },
);
