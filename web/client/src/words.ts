/** What the page says, in the shopper's language. The server sends the words along with the page. */

import type english from '../../words/en.json'

export type Key = keyof typeof english
export type Words = Record<Key, string>
export type Saying<K extends string> = (key: K, values?: Record<string, string | number>) => string
export type Say = Saying<Key>

/** A text by its key, its `{braces}` filled in. A key that is missing shows itself, and never breaks the page. */
export function sayer<K extends string = Key>(words: Partial<Record<NoInfer<K>, string>>): Saying<K> {
  return (key, values = {}) =>
    (words[key] ?? key).replace(/\{(\w+)\}/g, (braces, name: string) => String(values[name] ?? braces))
}

/** A key that is put together from a name of the server's, or null if nobody has words for it. */
export function known(words: Partial<Words>, key: string): Key | null {
  return key in words ? (key as Key) : null
}
