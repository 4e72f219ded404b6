use sqlx::migrate::Migrator;

/// One row of the migrator's own table: version, checksum, and whether it went through.
pub(crate) type Applied = (i64, Vec<u8>, bool);

/// What the program holds as the way to its schema. What a later release has added behind it is no reason not to start:
/// a release only adds to what the one before it uses, so that both serve while one follows the other.
pub(crate) fn migrator(mut known: Migrator) -> Migrator {
    known.set_ignore_missing(true);
    known
}

/// Whether everything that the program's schema consists of was applied, with the same text and in the same order; more
/// may stand behind it, and nothing in between. `applied` is in the order of the versions.
pub(crate) fn is_migrated(migrator: &Migrator, applied: &[Applied]) -> bool {
    let known: Vec<Applied> = migrator.iter().map(|known| (known.version, known.checksum.to_vec(), true)).collect();
    applied.starts_with(&known)
}
