import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';

describe('createLog', () => {
  describe('when a log is opened', () => {
    test('does not ask who called it, which makes a bundle read all of its map', () => {
      const code = `
        const util = require('node:util');
        util.getCallSites = () => { throw new Error('asked'); };
        const { createLog } = require('${join(import.meta.dir, 'log.ts')}');
        createLog('test', 'info').info('opened');`;
      const { stdout, stderr } = Bun.spawnSync([process.execPath, '-e', code]);
      expect(stderr.toString()).toBe('');
      expect(JSON.parse(stdout.toString())).toMatchObject({ name: 'test', msg: 'opened' });
    });
  });
});
