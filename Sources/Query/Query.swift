// Query: where language and storage meet.
//
// LogQL text -> tree -> plan -> units of rows -> stages -> entries or partial aggregates -> answer. This target knows
// LogQL's tree and the scan interface of Store (snapshots, units, rows); it knows no files, no HTTP and no JSON shapes.
//
// What it must not do: a String, an Array or an object per line; blocking a cooperative thread (units are loaded on the
// threads of a `WorkScheduler`); an answer that is wrong without saying so (what cannot be computed throws).
