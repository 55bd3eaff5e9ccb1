import { defineConfig } from 'vite'

// One classic script of a stable name: shops write its address into their own pages.
export default defineConfig({
  publicDir: false,
  build: {
    outDir: '../static/app',
    emptyOutDir: false,
    target: ['chrome80', 'firefox80', 'safari13.1'],
    lib: { entry: 'src/embed.ts', formats: ['iife'], name: 'VitrineEmbed', fileName: () => 'embed.js' },
  },
})
