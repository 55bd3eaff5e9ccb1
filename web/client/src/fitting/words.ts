/** What the fitting room says, in the shopper's language. The server sends the words along with the page. */

import type english from '../../../words/fitting-room/en.json'
import type { Saying } from '../words'

export type Key = keyof typeof english
export type Words = Record<Key, string>
export type Say = Saying<Key>
