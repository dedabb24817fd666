import process from 'node:process';
import { play } from './play.js';

const [url, unsteadyUrl, tag] = process.argv.slice(2);
console.log(JSON.stringify(await play(url, unsteadyUrl, tag)));
