import { defineConfig } from 'vitest/config'

export default defineConfig({
  base: './', // the style sheet finds its fonts wherever the server mounts the folder
  build: {
    outDir: '../static/app',
    emptyOutDir: true,
    manifest: 'manifest.json',
    target: 'es2022',
    modulePreload: false,
    assetsInlineLimit: 0, // data: fonts are against our Content-Security-Policy
    rollupOptions: { input: 'src/main.ts' },
  },
  test: { include: ['tests/**/*.test.ts'] },
})
