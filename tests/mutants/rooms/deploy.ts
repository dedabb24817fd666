import type { Mutant } from '../mutant.ts';

export const deploy: Mutant[] = [
  {
    name: 'secret-of-nobody',
    says: 'Has the API start with a Secret that there is not',
    file: 'deploy/kubernetes/api.yaml',
    find: 'secretRef: { name: shop-api }',
    replace: 'secretRef: { name: shop }',
    suites: ['tests/kubernetes.test.ts'],
    test: 'names no object, pod or port that is not there',
  },
  {
    name: 'service-of-nobody',
    says: 'Sends requests to pods that there are not',
    file: 'deploy/kubernetes/api.yaml',
    find: 'selector: { app.kubernetes.io/component: api }',
    replace: 'selector: { app.kubernetes.io/component: web }',
    suites: ['tests/kubernetes.test.ts'],
    test: 'names no object, pod or port that is not there',
  },
  {
    name: 'port-of-nobody',
    says: 'Sends requests to a port that no pod has',
    file: 'deploy/kubernetes/api.yaml',
    find: 'targetPort: http',
    replace: 'targetPort: web',
    suites: ['tests/kubernetes.test.ts'],
    test: 'names no object, pod or port that is not there',
  },
];
