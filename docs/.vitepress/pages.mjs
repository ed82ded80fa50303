// Where pages are on the site, and in which order.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

// The list of pages, of which the navigation is made.
const list = 'docs/README.md'

/** The root of the repository. */
export const repository = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..')

/** Returns the path of a page on the site, of its path in the repository. */
export function address(file) {
  switch (file) {
    case 'README.md':
      return 'index.md'
    case 'CHANGELOG.md':
      return 'changelog.md'
    case list:
      return 'pages.md'
  }
  return file.replace(/^docs\//, '').replace(/README\.md$/, 'index.md')
}

/** Whether a file of the repository is a page of the site. */
export function isPage(file) {
  return file.endsWith('.md') && (file.startsWith('docs/') || !file.includes('/'))
}

/** Returns the navigation: a group for each heading of the list, an entry for each item. */
export function sidebar() {
  const groups = []
  for (const line of readFileSync(join(repository, list), 'utf8').split('\n')) {
    const heading = line.match(/^## (.*)/)
    const item = line.match(/^\* \[(.*?)\]\((\S+?\.md)\)/)
    if (heading) {
      groups.push({ text: heading[1], collapsed: groups.length > 3, items: [] })
    } else if (item) {
      const file = join('docs', item[2])
      groups.at(-1).items.push({ text: item[1], link: '/' + address(file).replace(/(index)?\.md$/, '') })
    }
  }
  return groups
}
