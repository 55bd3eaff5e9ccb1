import { defineConfig } from 'vitest/config'

const meshopt = new URL('node_modules/meshoptimizer/meshopt_decoder_reference.js', import.meta.url)

export default defineConfig({
  base: './', // the style sheet finds its fonts wherever the server mounts the folder
  resolve: { alias: { 'meshopt-in-javascript': meshopt.pathname } },
  build: {
    outDir: '../static/app',
    emptyOutDir: true,
    manifest: 'manifest.json',
    target: 'es2022',
    modulePreload: false,
    assetsInlineLimit: 0, // data: fonts are against our Content-Security-Policy
    rollupOptions: { input: ['src/main.ts', 'src/fitting/main.ts'] },
  },
  test: { include: ['tests/**/*.test.ts'] },
})
