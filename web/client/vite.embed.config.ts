import { defineConfig } from 'vite'
import de from '../words/de.json' with { type: 'json' }
import en from '../words/en.json' with { type: 'json' }
import es from '../words/es.json' with { type: 'json' }
import fr from '../words/fr.json' with { type: 'json' }
import it from '../words/it.json' with { type: 'json' }

/** One text in every language: the loader needs two, and must stay small. */
function everywhere(key: keyof typeof en): string {
  return JSON.stringify({ de: de[key], en: en[key], es: es[key], fr: fr[key], it: it[key] })
}

// One classic script of a stable name: shops write its address into their own pages.
export default defineConfig({
  publicDir: false,
  define: { TITLES: everywhere('mirror.title'), CLOSE: everywhere('album.close') },
  build: {
    outDir: '../static/app',
    emptyOutDir: false,
    target: ['chrome80', 'firefox80', 'safari13.1'],
    lib: { entry: 'src/embed.ts', formats: ['iife'], name: 'VitrineEmbed', fileName: () => 'embed.js' },
  },
})
