// Index: the two SQLite databases of a data folder.
//
// `catalog.sqlite` says which part files count, what they cover and which streams they hold; it can be rebuilt from
// the parts. `state.sqlite` holds what no part can give back: tombstones, demotions, tokens and the like.
//
// The target knows SQLite, the model and bytes. It knows no file formats, no WAL, no HTTP; it opens, removes and moves
// no file but its own databases. Everything is synchronous and meant for one thread, the store's catalog thread:
// queries read an immutable view instead (storage rule 10). A lock makes use from elsewhere safe, not sensible.
