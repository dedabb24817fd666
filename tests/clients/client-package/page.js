import { play } from './play.js';

const query = new URLSearchParams(location.search);
globalThis.played = play(query.get('url'), query.get('unsteadyUrl'), query.get('tag'));
