// How "make site" makes a site of the README, the CHANGELOG and docs/.
import { fileURLToPath } from 'node:url'

import { defineConfig } from 'vitepress'

import { anchor, linksToSource } from './links.mjs'
import { address, sidebar } from './pages.mjs'

// Pages are not below the folder with the packages that VitePress has them import.
const packagesOfThisFolder = {
  name: 'packages-of-this-folder',
  enforce: 'pre',
  resolveId(id, importer) {
    return /^vue(\/|$)/.test(id) && importer?.endsWith('.md') ? this.resolve(id, fileURLToPath(import.meta.url)) : null
  },
}

export default defineConfig({
  title: 'xcache',
  description: 'A cache for Go services, on a map in a test and on a cluster in production',
  lang: 'en-GB',
  head: [['link', { rel: 'icon', href: 'data:,' }]], // there is none to fetch
  base: process.env.SITE_BASE || '/',

  srcDir: '..',
  // Of the repository only docs/ and the files beside it are pages.
  srcExclude: ['!(docs)/**/*.md'],
  rewrites: address,
  outDir: '../site',
  cacheDir: '.vitepress/cache',

  vite: { plugins: [packagesOfThisFolder] },

  markdown: {
    anchor: { slugify: anchor },
    config: linksToSource,
  },
  themeConfig: {
    nav: [
      { text: 'Five minutes', link: '/five-minutes' },
      { text: 'I want to …', link: '/i-want-to' },
      { text: 'Configuration', link: '/configuration' },
      { text: 'All pages', link: '/pages' },
    ],
    sidebar: sidebar(),
    outline: { level: [2, 3] },
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: 'https://github.com/xcache-go/xcache' }],
  },
})
