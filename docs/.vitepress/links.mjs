// Links of the sources, which are relative to their files, made links of the site.
import { existsSync } from 'node:fs'
import { posix } from 'node:path'

import { address, isPage, repository } from './pages.mjs'

// Where files are read that are no page.
const source = 'https://github.com/xcache-go/xcache/blob/main/'

/** Returns the anchor of a heading, as code hosts make it. The tests of docs/ hold links to the same rule. */
export function anchor(heading) {
  return heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
}

/** A plugin of markdown-it: links to pages lead to the site, and all others to the source. */
export function linksToSource(md) {
  md.core.ruler.push('links-to-source', (state) => {
    const file = sourceOf(state.env)
    for (const block of state.tokens) {
      for (const token of block.children ?? []) {
        const href = token.type === 'link_open' ? token.attrGet('href') : null
        if (href && !/^([a-z]+:|#|\/)/i.test(href)) {
          token.attrSet('href', target(file, decodeURI(href)))
        }
      }
    }
  })
}

// The path in the repository of the page that is rendered.
function sourceOf(env) {
  const path = env.realPath ?? env.path
  const file = posix.relative(repository, path)
  return existsSync(path) ? file : sources[file] ?? 'docs/' + file.replace(/index\.md$/, 'README.md')
}

const sources = { 'index.md': 'README.md', 'changelog.md': 'CHANGELOG.md', 'pages.md': 'docs/README.md' }

function target(file, href) {
  const [path, hash] = href.split('#')
  let to = posix.join(posix.dirname(file), path).replace(/\/$/, '')
  if (!isPage(to) && isPage(to + '/README.md') && existsSync(posix.join(repository, to, 'README.md'))) {
    to += '/README.md'
  }
  return (isPage(to) ? '/' + address(to) : source + to) + (hash ? '#' + hash : '')
}
